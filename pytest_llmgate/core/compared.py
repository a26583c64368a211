"""Baselines of gates on replies: approved figures by case, and how a test of today stands to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_llmgate.core.baseline_key import BaselineKey

Figures = Literal["quality", "usage", "latency"]
"""What a gate compares: how often replies are good, what they take, how long they take."""
Standing = Literal["new", "same", "changed", "stale"]

CASE_FIGURES: Mapping[Figures, tuple[str, ...]] = {
    "quality": ("passed", "n"),
    "usage": ("n", "total", "squares"),
    "latency": (),
}
"""Figures of every case, by what is compared; whole numbers. `total`: of tokens, calls or micro-USD."""
SUM_FIGURES: Mapping[Figures, tuple[str, ...]] = {
    "quality": ("passed", "n"),
    "usage": ("n", "total", "input_tokens", "output_tokens", "cost_microusd", "calls", "runaways", "runaways_of"),
    "latency": ("n", "p50_us", "p95_us", "p99_us"),
}
"""Figures over all cases; those that nobody measured are left out."""
DIGESTS = ("plan", "model", "prompt", "code", "calibration", "prices", "machine")
"""What a baseline was taken with; null where a test has none of it. `machine`: the class of what timed it."""
PARAMETERS = frozenset({"of", "runaway_factor"})
"""Parameters of a gate that its figures were taken by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyBaseline:
    """The approved figures of one gate on replies.

    kind: what is compared. cases: figures by case id, as in CASE_FIGURES. figures: as in SUM_FIGURES. digests: as in
    DIGESTS. parameters: those of the gate that the figures depend on. reason, author: of its acceptance; empty and
    None in a proposal.
    """

    test: str
    gate: str
    arm: str = ""
    kind: Figures
    cases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    figures: Mapping[str, int]
    digests: Mapping[str, str | None]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    author: str | None = None

    @property
    def key(self) -> BaselineKey:
        return BaselineKey(self.test, self.gate, self.arm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a gate of today is compared with.

    baseline: the anchor where there is one, else what was accepted last; None where nobody approved any. digests:
    those of today. sentences: what differs from the baseline, for the verdict. Of a stale one nothing can pass.
    """

    kind: Figures
    standing: Standing
    baseline: ReplyBaseline | None = None
    digests: Mapping[str, str | None] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()


def compare(
    kind: Figures,
    baseline: ReplyBaseline | None,
    digests: Mapping[str, str | None],
    parameters: Mapping[str, Any],
    cases: frozenset[str],
    *,
    live: bool = True,
) -> Compared:
    """How a gate of today stands to its baseline.

    digests, parameters, cases: of today. live: whether latencies will be measured. A changed prompt, model or code is
    compared all the same and named; another calibration, other parameters, another machine (of latencies), or no case
    in common makes the baseline stale.
    """
    if baseline is None:
        return Compared(kind=kind, standing="new", digests=digests)
    stale = tuple(_stale(kind, baseline, digests, parameters, cases, live))
    changed = tuple(_changed(kind, baseline, digests, cases))
    standing: Standing = "stale" if stale else "changed" if changed else "same"
    return Compared(
        kind=kind, standing=standing, baseline=baseline, digests=digests, sentences=(*stale, *changed)
    )  # fmt: skip


def _stale(
    kind: Figures,
    baseline: ReplyBaseline,
    digests: Mapping[str, str | None],
    parameters: Mapping[str, Any],
    cases: frozenset[str],
    live: bool,
) -> list[str]:
    found = []
    if baseline.kind != kind:
        found.append(f"stale baseline: it holds figures of {baseline.kind}, and this gate compares {kind}")
    for name in sorted({*baseline.parameters, *parameters}):
        was, now = baseline.parameters.get(name), parameters.get(name)
        if was != now:
            found.append(f"stale baseline: it was taken with {name} {was}, and this gate has {now}")
    if baseline.digests.get("calibration") != digests.get("calibration"):
        found.append("stale baseline: it was taken with another calibration")
    if kind == "latency" and not live:
        found.append("incomparable: latencies of recorded replies say nothing of today's")
    elif kind == "latency" and baseline.digests.get("machine") != digests.get("machine"):
        found.append("incomparable: the baseline was timed on another class of machine")
    if CASE_FIGURES[kind] and cases.isdisjoint(baseline.cases):
        found.append("stale baseline: it has no case of today's")
    return found


_NAMES = {
    "prompt": "prompt",
    "model": "model",
    "code": "code",
    "prices": "price of the model",
}


def _changed(
    kind: Figures, baseline: ReplyBaseline, digests: Mapping[str, str | None], cases: frozenset[str]
) -> list[str]:
    found = [
        f"{words} changed since the baseline"
        for name, words in _NAMES.items()
        if baseline.digests.get(name) != digests.get(name)
    ]
    if CASE_FIGURES[kind]:
        gone, fresh = len(baseline.cases.keys() - cases), len(cases - baseline.cases.keys())
        found += [f"{gone} of the baseline's {len(baseline.cases)} cases are gone"] if gone else []
        found += [f"{fresh} of today's {len(cases)} cases have no baseline"] if fresh else []
    return found
