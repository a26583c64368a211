"""What is wrong in a run, the worst first: the rows of all reports that other tools show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.files import shown_under
from pytest_llmgate.core.rendered import RunView
from pytest_llmgate.reports.circuit_words import is_figure

NOT_JUDGED = "not-judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A gate that does not pass, or a test that no gate judged.

    rule: the type of its assertion. gate: its name. file, line: of the test in its suite. blocking: whether it decides.
    beyond: how far the estimate is on the wrong side of the limit, as a share; 0 where nobody can say.
    """

    verdict: str
    test: str
    rule: str
    gate: str
    file: str
    line: int
    text: str
    blocking: bool
    beyond: float

    @property
    def fingerprint(self) -> str:
        """The same for the same gate, whatever the line and the figures are."""
        return sha256(
            "\0".join((self.file, self.rule, f"{self.test}::{self.gate}")).encode("utf-8", "replace")
        ).hexdigest()


def findings(result: Mapping[str, Any]) -> list[Finding]:
    """All findings of a run, the worst first: what blocks, by verdict, then by how far it is beyond its limit."""
    found = [finding for test in result["tests"] for finding in _of_test(test)]
    return sorted(found, key=lambda one: (not one.blocking, -Outcome(one.verdict).rank, -one.beyond))


def _of_test(test: Mapping[str, Any]) -> Iterator[Finding]:
    place = {"test": test["id"], "file": test.get("file") or "", "line": max(int(test.get("line") or 1), 1)}
    bad = [gate for gate in test["gates"] if is_finding(gate)]
    for gate in bad:
        yield Finding(
            verdict=gate["verdict"],
            rule=gate["type"],
            gate=gate["name"],
            text=gate["reason"],
            blocking=bool(gate.get("blocking", True)),
            beyond=_beyond(gate),
            **place,
        )
    told = any(gate["verdict"] == test["verdict"] and gate.get("blocking", True) for gate in bad)
    if test["verdict"] != "pass" and not told:
        text = str((test.get("problems") or ("no gate blocks",))[0])
        judged = {"verdict": test["verdict"], "rule": NOT_JUDGED, "gate": NOT_JUDGED, "text": text}
        yield Finding(**judged, blocking=True, beyond=0.0, **place)


def is_finding(gate: Mapping[str, Any]) -> bool:
    """Gates that an earlier failure left undecided are no news, nor are undecided ones that do not block."""
    if gate["verdict"] == "inconclusive":
        return bool(gate.get("blocking", True)) and gate["stop_reason"] not in ("first-fail", "first-error")
    return bool(gate["verdict"] != "pass")


def _beyond(gate: Mapping[str, Any]) -> float:
    """Rates only: distances and other figures have scales of their own."""
    if is_figure(gate) or gate.get("estimate") is None or gate.get("threshold") is None:
        return 0.0
    return abs(float(gate["estimate"]) - float(gate["threshold"]))


def placed(file: str, view: RunView, variable: str) -> str:
    """A file's path as a CI system names it: from the checkout, which the environment variable names."""
    checkout = view.environ.get(variable)
    return shown_under((view.root / file).resolve(), Path(checkout).resolve()) if checkout and file else file
