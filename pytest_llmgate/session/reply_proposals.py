"""The baselines that a finished test on replies proposes, from the trials that were written down. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pytest_llmgate.core.compared import Compared, ReplyBaseline
from pytest_llmgate.core.plan import RUNAWAYS, GatePlan, TestPlan
from pytest_llmgate.core.record import usage_from_row
from pytest_llmgate.core.reply import Usage, UsageSum
from pytest_llmgate.engine.slices import members_of
from pytest_llmgate.session.against import main_gate, parameters
from pytest_llmgate.session.assembly import baseline_trials, cut_short

Row = Mapping[str, Any]


def proposals_of(plan: TestPlan, rows: Iterable[Row]) -> list[ReplyBaseline]:
    """A baseline for each gate of a test that is compared with one; none where nothing of it could be measured.

    rows: in index order, as far as they are whole. Only trials up to those that a baseline rests on are used, so that
    it is the same for every number of workers.
    """
    compared = [gate for gate in plan.gates if gate.compared is not None and gate.params.get("part") != RUNAWAYS]
    if not compared:
        return []
    kept = list(_prefix(rows, baseline_trials(plan)))
    return [made for gate in compared if (made := _proposal(plan, gate, kept)) is not None]


def _prefix(rows: Iterable[Row], most: int) -> Iterator[Row]:
    """Rows from the first one on, up to a gap or to one that came to nothing through no fault of its subject."""
    for place, row in enumerate(islice(rows, most)):
        if row["index"] != place or cut_short(row):
            return
        yield row


def _proposal(plan: TestPlan, gate: GatePlan, rows: Sequence[Row]) -> ReplyBaseline | None:
    members = members_of(gate, plan)
    own = rows if members is None else [row for row in rows if row["case"] in {plan.cases[at].id for at in members}]
    against = gate.compared
    assert against is not None
    if against.kind == "quality":
        cases, figures = _quality(gate, own)
    elif against.kind == "usage":
        cases, figures = _usage(gate, own, int(parameters(gate)["runaway_factor"]))
    else:
        cases, figures = {}, _latency(own)
    unscored = len(own) - figures["n"] - _unasked(gate, own) if figures else 0
    return _entry(plan, gate, against, cases, {**figures, **_counted(unscored)}) if figures else None


def _unasked(gate: GatePlan, rows: Sequence[Row]) -> int:
    """Trials that complete no group of a gate that judges several at once."""
    return sum(gate.name not in row["verdicts"] for row in rows) if gate.repeats > 1 else 0


def _counted(unscored: int) -> Mapping[str, int]:
    return {"unscored": unscored} if unscored else {}


def _entry(
    plan: TestPlan, gate: GatePlan, against: Compared, cases: Mapping[str, Any], figures: Mapping[str, int]
) -> ReplyBaseline:
    return ReplyBaseline(
        test=plan.id,
        gate=main_gate(gate.name, gate),
        kind=against.kind,
        cases=cases,
        figures=figures,
        digests=against.digests,
        parameters=parameters(gate),
    )


def _quality(gate: GatePlan, rows: Sequence[Row]) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    cases: dict[str, dict[str, int]] = {}
    for row in rows:
        good = row["verdicts"].get(gate.name)
        if good is None:
            continue
        case = cases.setdefault(row["case"], {"passed": 0, "n": 0})
        case["passed"] += bool(good)
        case["n"] += 1
    if not cases:
        return {}, {}
    return cases, {name: sum(case[name] for case in cases.values()) for name in ("passed", "n")}


def _usage(gate: GatePlan, rows: Sequence[Row], factor: int) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    cases: dict[str, list[int]] = {}
    usage = UsageSum()
    for row in rows:
        figure = row["scores"].get(gate.name)
        if figure is None:
            continue
        cases.setdefault(row["case"], []).append(int(figure))
        usage.add(usage_from_row(row["usage"]))
    if not cases:
        return {}, {}
    found, figures = usage_figures(cases, factor)
    return found, {**figures, **_known(usage.total)}


def usage_figures(cases: Mapping[str, Sequence[int]], factor: int) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """The figures of each case and of all of them, from what every trial of a case took."""
    found = {case: {"n": len(own), "total": sum(own), "squares": _squares(own)} for case, own in cases.items()}
    sums = {name: sum(case[name] for case in found.values()) for name in ("n", "total")}
    return found, {**sums, **_runaways(list(cases.values()), factor)}


def _squares(figures: Sequence[int]) -> int:
    return sum(figure * figure for figure in figures)


def _known(usage: Usage) -> dict[str, int]:
    """What is known of the calls behind the figures, those of judges included."""
    cost = None if usage.cost_usd is None else int((usage.cost_usd * 1_000_000).to_integral_value())
    figures = {
        "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens,
        "cost_microusd": cost, "calls": usage.calls,
    }  # fmt: skip
    return {name: figure for name, figure in figures.items() if figure is not None}


def _runaways(cases: Sequence[Sequence[int]], factor: int) -> dict[str, int]:
    """Trials over a multiple of the mean of the others of their case; nothing where no case has others.

    Replies to other cases are no yardstick: those of a case with one trial are compared with today's, in pairs.
    """
    several = [case for case in cases if len(case) > 1]
    if not several:
        return {}
    runaways = sum(
        figure * (len(case) - 1) > factor * (total - figure)
        for case, total in ((case, sum(case)) for case in several)
        for figure in case
    )
    return {"runaways": runaways, "runaways_of": sum(map(len, several))}


def _latency(rows: Sequence[Row]) -> dict[str, int]:
    """Percentiles in microseconds of the trials that answered live; nothing where any reply was a recorded one."""
    if any(row["replayed"] for row in rows):
        return {}
    found = sorted(row["latency_ms"] for row in rows if row["latency_ms"] is not None and row["error"] is None)
    if not found:
        return {}
    percentiles = {f"p{share}_us": found[math.ceil(share / 100 * len(found)) - 1] for share in (50, 95, 99)}
    return {"n": len(found), **{name: round(value * 1000) for name, value in percentiles.items()}}
