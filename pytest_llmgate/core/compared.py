"""Baselines of gates on replies: approved figures by case, and how a test of today stands to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pytest_llmgate.core.baseline_key import ANCHOR, BaselineKey

Figures = Literal["quality", "usage", "latency"]
"""What a gate compares: how often replies are good, what they take, how long they take."""
Standing = Literal["new", "same", "changed", "stale"]

CASE_FIGURES: Mapping[Figures, tuple[str, ...]] = {
    "quality": ("passed", "n"),
    "usage": ("n", "total", "squares"),
    "latency": (),
}
"""Figures of every case, by what is compared; whole numbers. `total`: of tokens, calls or nano-USD."""
SUM_FIGURES: Mapping[Figures, tuple[str, ...]] = {
    "quality": ("passed", "n", "unscored"),
    "usage": (
        "n", "total", "input_tokens", "output_tokens", "cost_microusd", "calls", "runaways", "runaways_of", "unscored",
    ),
    "latency": ("n", "p50_us", "p95_us", "p99_us", "unscored"),
}  # fmt: skip
"""Figures over all cases; those that nobody measured are left out. `unscored`: trials beside the n, where there are."""
DIGESTS = ("plan", "model", "prompt", "code", "calibration", "prices", "machine", "cases")
"""What a baseline was taken with; null where a test has none of it. `machine`: the class of what timed it. `cases`:
the content of the gate's cases, which entries of older versions lack."""
PARAMETERS = frozenset({"of", "runaway_factor"})
"""Parameters of a gate that its figures were taken by."""
UNIT, COST_UNIT = "unit", "nano-USD"
"""What stands beside them where costs are compared; figures without it are whole micro-USD, of earlier versions."""
MICRO_UNITS = 1000
"""Units of a cost in a micro-USD."""


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


def units_per_micro(entry: ReplyBaseline) -> int:
    """Of an entry whose figures are costs: how many of its units are a micro-USD; 1 of every other."""
    return MICRO_UNITS if UNIT in entry.parameters else 1


def in_unit(entry: ReplyBaseline) -> ReplyBaseline:
    """The entry with the figures of a cost in nano-USD, in which today's are."""
    if (entry.kind, entry.parameters.get("of")) != ("usage", "cost") or UNIT in entry.parameters:
        return entry
    return replace(
        entry,
        cases={
            case: {**found, "total": found["total"] * MICRO_UNITS, "squares": found["squares"] * MICRO_UNITS**2}
            for case, found in entry.cases.items()
        },
        figures={**entry.figures, "total": entry.figures["total"] * MICRO_UNITS},
        parameters={**entry.parameters, UNIT: COST_UNIT},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a gate of today is compared with.

    baseline: the anchor where there is one, else what was accepted last; None where nobody approved any. digests:
    those of today. sentences: what differs from the baseline, for the verdict. Of a stale one nothing can pass.
    incomparable: why latencies cannot be compared: those of today are recorded ones, or of another machine. cases: the
    gate's own of today, 0 where that is not known; gone: the baseline's cases that are none of them.
    """

    kind: Figures
    standing: Standing
    baseline: ReplyBaseline | None = None
    digests: Mapping[str, str | None] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()
    incomparable: Literal["", "recorded", "machine"] = ""
    cases: int = 0
    gone: tuple[str, ...] = ()

    @property
    def anchored(self) -> bool:
        """Whether the baseline is an anchor that something else was accepted after."""
        return self.baseline is not None and self.baseline.arm == ANCHOR

    @property
    def common(self) -> dict[str, Mapping[str, int]]:
        """The baseline's figures of the cases that are still asked."""
        cases = {} if self.baseline is None else self.baseline.cases
        return {case: figures for case, figures in cases.items() if case not in self.gone}

    @property
    def fresh(self) -> int:
        """Cases of today that the baseline has no figures of, among those that it could have them of."""
        return max(0, self.cases - len(self.common)) if CASE_FIGURES[self.kind] and self.cases else 0


def compare(
    kind: Figures,
    baseline: ReplyBaseline | None,
    digests: Mapping[str, str | None],
    parameters: Mapping[str, Any],
    cases: frozenset[str],
    *,
    live: bool = True,
    content: str | None = None,
) -> Compared:
    """How a gate of today stands to its baseline.

    digests, parameters, cases: of today. live: whether latencies will be measured. content: digest of the cases that
    the baseline has, where that is not that of all. A changed prompt, model, code or case is compared all the same and
    named; another calibration, other parameters, another machine (of latencies), or no case in common makes the
    baseline stale.
    """
    if baseline is None:
        return Compared(kind=kind, standing="new", digests=digests, cases=len(cases))
    baseline = in_unit(baseline)
    incomparable = _incomparable(baseline, digests, live) if kind == "latency" else ""
    elsewhere = (_INCOMPARABLE[incomparable],) if incomparable else ()
    stale = (*_stale(kind, baseline, digests, parameters, cases), *elsewhere)
    changed = tuple(_changed(kind, baseline, {**digests, "cases": content or digests.get("cases")}, cases))
    return Compared(
        kind=kind,
        standing="stale" if stale else "changed" if changed else "same",
        baseline=baseline,
        digests=digests,
        sentences=(*stale, *changed),
        incomparable=incomparable,
        cases=len(cases),
        gone=tuple(sorted(baseline.cases.keys() - cases)),
    )


def _stale(
    kind: Figures,
    baseline: ReplyBaseline,
    digests: Mapping[str, str | None],
    parameters: Mapping[str, Any],
    cases: frozenset[str],
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
    if CASE_FIGURES[kind] and cases.isdisjoint(baseline.cases):
        found.append("stale baseline: it has no case of today's")
    return found


_INCOMPARABLE = {
    "recorded": "incomparable: latencies of recorded replies say nothing of today's",
    "machine": "incomparable: the baseline was timed on another class of machine",
}


def _incomparable(
    baseline: ReplyBaseline, digests: Mapping[str, str | None], live: bool
) -> Literal["", "recorded", "machine"]:
    if not live:
        return "recorded"
    return "" if baseline.digests.get("machine") == digests.get("machine") else "machine"


_NAMES = {
    "prompt": "prompt",
    "model": "model",
    "code": "code",
    "prices": "price of the model",
    "cases": "cases",
}


def _changed(
    kind: Figures, baseline: ReplyBaseline, digests: Mapping[str, str | None], cases: frozenset[str]
) -> list[str]:
    found = [
        f"{words} changed since the baseline"
        for name, words in _NAMES.items()
        if name not in _unsaid(baseline) and baseline.digests.get(name) != digests.get(name)
    ]
    if CASE_FIGURES[kind]:
        gone, fresh = len(baseline.cases.keys() - cases), len(cases - baseline.cases.keys())
        be, have = "is" if gone == 1 else "are", "has" if fresh == 1 else "have"
        found += [f"{gone} of the baseline's {len(baseline.cases)} cases {be} gone"] if gone else []
        found += [f"{fresh} of today's {len(cases)} cases {have} no baseline"] if fresh else []
    return found


def _unsaid(baseline: ReplyBaseline) -> frozenset[str]:
    """Digests that an entry of an older version lacks, so that nothing can be said of them."""
    return frozenset() if baseline.digests.get("cases") else frozenset({"cases"})


def digests_apart(old: ReplyBaseline, new: ReplyBaseline) -> set[str]:
    """Names of what two entries were taken with that differs, as far as the older one says it."""
    names = {*old.digests, *new.digests} - _unsaid(old)
    return {name for name in names if old.digests.get(name) != new.digests.get(name)}
