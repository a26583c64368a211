"""The history as text: what deserves a look is said with the next step, in the width that there is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import HOSTILE

from pytest_llmgate.core.history import DriftFound, GateFigures, GateHistory, RunFigures, TestFigures, TestHistory
from pytest_llmgate.reports.escape import columns, visible
from pytest_llmgate.reports.history import overview, runs_of
from pytest_llmgate.reports.history_gates import gates_of_run, heading
from pytest_llmgate.reports.sparkline import sparkline

RUN = "20261124T101500-00000a"
DRIFT = DriftFound(counted=9, evidence=1000.0, drifting=True, since=RUN, alarm="20261126T101500-00000c")


def history(name: str = "s.suite.yaml::t", drift: DriftFound | None = None, **fields: object) -> TestHistory:
    gate = GateFigures(
        name=name, type="contains", verdict="pass", blocking=True, rated=True, n=58, successes=57, holes=0,
        estimate=57 / 58, threshold=0.95, bad=0.9, stop_reason="boundary", kind="rate", good=57 / 58, good_of=58,
    )  # fmt: skip
    test = TestFigures(id=name, verdict="pass", seed=1, trials=58, tokens=580, cost_usd="0.00058", gates=(gate,))
    run = RunFigures(
        id=RUN, path="out", started="2026-11-24T10:15:00+00:00", record="live", drawn="live", commit="c0ffee1234",
        dirty=True, attempt=2, interrupted=False, tests=(test,),
    )  # fmt: skip
    told = GateHistory(name=name, seen=(gate,), drift=drift)
    given = {"id": name, "runs": ((run, test),), "gates": (told,), "recent": 1, "inconclusive": 0, "often": False}
    return TestHistory(**{**given, "hint": "", **fields})  # type: ignore[arg-type]


def text(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def test_a_run_has_its_figures_of_one_trial() -> None:
    said = text(runs_of(history(), 20, 80))
    assert "2026-11-24 10:15 c0ffee1* 2 live pass 10.0 $0.00001" in said
    assert f"{RUN}: s.suite.yaml::t 98.28 % good of 58" in said


def test_drift_is_a_warning_with_its_run() -> None:
    for said in (text(overview([history(drift=DRIFT)], 20, 80)), text(runs_of(history(drift=DRIFT), 20, 80))):
        assert f"drift since run {RUN}: the rate is no longer good, seen at run 20261126T101500-00000c" in said
        assert "it decides no gate" in said
    assert "since 2026-11-24" in text(overview([history(drift=DRIFT)], 20, 80))


def test_a_test_that_is_often_inconclusive_is_named_with_the_next_step() -> None:
    test = history(often=True, inconclusive=4, recent=10, hint="raise trials")
    for said in (text(overview([test], 20, 80)), text(runs_of(test, 20, 80))):
        assert "often inconclusive: s.suite.yaml::t: 4 of its last 10 live runs; raise trials" in said


@pytest.mark.parametrize("width", [40, 80, 200])
def test_hostile_names_are_harmless_at_any_width(width: int) -> None:
    for lines in (overview([history(HOSTILE, DRIFT)], 20, width), runs_of(history(HOSTILE, DRIFT), 20, width)):
        assert all(line == visible(line) and not line.lstrip().startswith("::") for line in lines)
        assert not any("##[" in line for line in lines)
        assert width < 80 or max(map(columns, lines)) <= width


@given(st.lists(st.none() | st.floats(0, 1), max_size=50))
def test_a_sparkline_has_one_sign_a_value_and_higher_ones_are_never_lower(values: list[float | None]) -> None:
    line, plain = sparkline(values), sparkline(values, ascii_only=True)
    assert len(line) == len(plain) == len(values)
    assert plain.isascii()
    steps = ["_.-~=+*#".index(sign) for sign in plain if sign != " "]
    known = [value for value in values if value is not None]
    ranked = sorted(zip(known, steps, strict=True))
    assert [step for _, step in ranked] == sorted(steps)


def test_rates_that_are_close_together_are_not_drawn_far_apart() -> None:
    assert len(set(sparkline([0.970, 0.971, 0.972]))) <= 2
    assert sparkline([0.90, 0.95, 1.0]) == "▁▅█"
    assert sparkline([1.0, 1.0]) == "██"
    assert sparkline([3.0, None, 5.0], rate=False) == "▁ █"
    assert sparkline([3.0, 3.0], rate=False) == "▅▅"


def of(kind: str, estimate: float | None, **fields: Any) -> GateFigures:
    given = {
        "name": "g", "type": "contains", "verdict": "pass", "blocking": True, "rated": kind == "rate", "n": 58,
        "successes": None, "holes": 0, "estimate": estimate, "threshold": None, "bad": None, "stop_reason": "boundary",
        "kind": kind,
    }  # fmt: skip
    return GateFigures(**{**given, **fields})


LIMITS = {"threshold": 0.95, "bad": 0.9}
NEW = {"stop_reason": "new", "verdict": "inconclusive"}


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (of("rate", 0.972, good=0.972, good_of=58, **LIMITS), "g 97.2 % good of 58"),
        (of("rate", 0.03, good=0.97, good_of=58, threshold=0.05, bad=0.1), "g 3 % bad of 58"),
        (
            of("rate", 1.0, good=1.0, good_of=58, quantile=0.95, quantile_ms=480.4, **LIMITS),
            "g 100 % good of 58, p95 480 ms",
        ),
        (of("difference", -0.0164, good=0.972, good_of=61), "g 97.2 % good of 61 (1.64 points better)"),
        (of("difference", 0.0164, good=0.972, good_of=61), "g 97.2 % good of 61 (1.64 points worse)"),
        (of("difference", 0.0, good=0.972, good_of=61), "g 97.2 % good of 61 (as the baseline)"),
        (of("difference", 0.003), "g + 0.3 points"),
        (of("ratio", 1.016), "g + 1.6 %"),
        (of("ratio", 0.984), "g − 1.6 %"),
        (of("distance", 0.0312), "g TVD 0.0312"),
        (of("value", 0.98), "g 0.98"),
        (of("", 0.98), "g 0.98"),
        (of("rate", None, verdict="error"), "g not measured (error)"),
        (of("difference", None, good=0.975, good_of=40, **NEW), "g 97.5 % good of 40, no baseline yet"),
        (of("ratio", None, **NEW), "no baseline yet: g"),
        (of("ratio", None, stop_reason="stale", verdict="inconclusive"), "stale baseline: g"),
    ],
)
def test_a_figure_has_its_unit_and_says_which_way_is_better(gate: GateFigures, said: str) -> None:
    assert gates_of_run([gate], "pass") == said


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (of("rate", 1.0, **LIMITS), "g: good at or above 95 %, bad at or below 90 %"),
        (
            of("difference", 0.0, good=1.0, threshold=0.0, bad=0.08),
            "g: good no rarer than in the baseline; 8 points rarer is bad",
        ),
        (of("difference", 0.0, threshold=0.0, bad=0.01), "g: no commoner than in the baseline; 1 point more is bad"),
        (of("ratio", 1.0, threshold=1.0, bad=1.1), "g: no more than the baseline takes; + 10 % is bad"),
        (of("distance", 0.0, threshold=0.05, bad=0.1), "g: good at or below TVD 0.05, bad at or above TVD 0.1"),
        (of("distance", 0.0), "g: as its reference"),
        (of("value", 0.9, threshold=0.9, bad=0.8), "g: good at or above 0.9, bad at or below 0.8"),
        (of("", 0.9, name="contains"), "contains"),
        (of("ratio", None, **NEW), "g: no baseline yet; approve one with llmgate baseline accept"),
    ],
)
def test_a_gate_is_named_once_with_what_it_asks(gate: GateFigures, said: str) -> None:
    assert heading(gate) == said


def test_the_rate_of_a_test_without_a_baseline_is_drawn() -> None:
    gate = of("difference", None, good=1.0, good_of=40, **NEW)
    test = history(gates=(GateHistory(name="g", seen=(gate, gate), drift=None),))
    assert "██" in overview([test], 20, 80)[1]
    assert "always 100 % good" in text(runs_of(test, 20, 80))


def test_what_has_no_rate_is_not_drawn_as_one() -> None:
    cost = GateHistory(name="cost", seen=(of("ratio", 1.1), of("ratio", 0.9)), drift=None)
    rated = of("rate", 1.0, good=1.0, good_of=40, **LIMITS)
    assert "█" not in overview([history(gates=(cost,))], 20, 80)[1]
    assert "██" in overview([history(gates=(cost, GateHistory(name="g", seen=(rated, rated), drift=None)))], 20, 80)[1]
    assert "between − 10 % and + 10 %, the newest − 10 %" in text(runs_of(history(gates=(cost,)), 20, 80))


def test_latencies_are_drawn_in_milliseconds() -> None:
    slower = [of("rate", 1.0, good=1.0, good_of=9, quantile=0.95, quantile_ms=ms, **LIMITS) for ms in (320.0, 480.0)]
    test = history(gates=(GateHistory(name="latency", seen=(None, *slower), drift=None),))
    said = "\n".join(runs_of(test, 20, 80))
    assert "   ▁█\n  p95 between 320 ms and 480 ms, the newest 480 ms" in said
