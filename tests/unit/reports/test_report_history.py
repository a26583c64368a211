"""The history as text: what deserves a look is said with the next step, in the width that there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import HOSTILE

from pytest_llmgate.core.history import DriftFound, GateFigures, GateHistory, RunFigures, TestFigures, TestHistory
from pytest_llmgate.reports.escape import columns, visible
from pytest_llmgate.reports.history import overview, runs_of
from pytest_llmgate.reports.sparkline import sparkline

RUN = "20261124T101500-00000a"
DRIFT = DriftFound(counted=9, evidence=1000.0, drifting=True, since=RUN, alarm="20261126T101500-00000c")


def history(name: str = "s.suite.yaml::t", drift: DriftFound | None = None, **fields: object) -> TestHistory:
    gate = GateFigures(
        name=name, type="contains", verdict="pass", blocking=True, rated=True, n=58, successes=57, holes=0,
        estimate=57 / 58, threshold=0.95, bad=0.9, stop_reason="boundary",
    )  # fmt: skip
    test = TestFigures(id=name, verdict="pass", seed=1, trials=58, tokens=580, cost_usd="0.00058", gates=(gate,))
    run = RunFigures(
        id=RUN, path="out", started="2026-11-24T10:15:00+00:00", record="live", drawn="live", commit="c0ffee1234",
        dirty=True, attempt=2, interrupted=False, tests=(test,),
    )  # fmt: skip
    told = GateHistory(name=name, newest=gate, estimates=(57 / 58,), drift=drift)
    given = {"id": name, "runs": ((run, test),), "gates": (told,), "recent": 1, "inconclusive": 0, "often": False}
    return TestHistory(**{**given, "hint": "", **fields})  # type: ignore[arg-type]


def text(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def test_a_run_has_its_figures_of_one_trial() -> None:
    said = text(runs_of(history(), 20, 80))
    assert "2026-11-24 10:15 c0ffee1* 2 live pass 10.0 $0.00001" in said
    assert f"{RUN}: s.suite.yaml::t 98.28 % of 58" in said


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
