"""`hallucination`: only with a calibration that allows the rate; its parts stay visible."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Observation, TrialError
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.calibration import CONTRADICTION, Calibration
from pytest_llmgate.detectors.calibration_file import to_text
from pytest_llmgate.detectors.figures import Bin
from pytest_llmgate.detectors.grounding.assess import assess
from pytest_llmgate.detectors.grounding.evidence import index
from pytest_llmgate.detectors.grounding.score import shipped
from pytest_llmgate.detectors.hallucination import HALLUCINATION
from pytest_llmgate.detectors.hallucination_risk import composite, contradiction_logit

KNOWN = Calibration(
    names=shipped().names,
    weights=shipped().weights,
    constant=shipped().constant,
    threshold=0.5,
    wanted_false=0.05,
    labels=400,
    bad=200,
    false_flags=6,
    caught=150,
    auroc=0.9,
    ece=0.05,
    table=(Bin(0.0, 0.1, 0.05, 0.05, 400),),
)
SEVERAL = replace(
    KNOWN,
    names=(*KNOWN.names, CONTRADICTION),
    weights=(*KNOWN.weights, 1.5),
    constant=KNOWN.constant + 2.5,  # a fitted one: replies that agree have log-odds far below 0
)
CASE = Case(id="c", context="The bridge is 90 m long. It opened in 1987.")


@pytest.fixture
def build(tmp_path: Path) -> Any:
    """build(calibration, **params): the measure for a suite file that stands beside the calibration."""

    def make(known: Calibration | None = KNOWN, **params: Any) -> Any:
        path = tmp_path / "support.calibration.json"
        if known is not None:
            path.write_text(to_text(known), encoding="utf-8")
        where = Where("suites/support.suite.yaml", 9)
        return HALLUCINATION.build(params, SuiteFiles(tmp_path, tmp_path), where)

    return make


def refusal(build: Any, *given: Any, **params: Any) -> str:
    with pytest.raises(LlmgateError) as caught:
        build(*given, **params)
    return str(caught.value)


def test_the_risk_is_the_calibrations_and_the_reason_keeps_the_parts(build: Any) -> None:
    measure = build(max_flag_rate=0.10)
    good = measure.measure(CASE, Observation(Reply("The bridge is 90 m long.")))
    bad = measure.measure(CASE, Observation(Reply("Penguins raise their chicks on drifting ice in 1954.")))
    assert (good.good, bad.good) == (True, False)
    assert good.score < 0.5 < bad.score
    assert "grounding" in bad.reason
    assert "flagged from 0.50" in bad.reason
    assert any("1954" in span.text for span in bad.spans)
    assert good.spans == ()


def test_a_violated_schema_is_certain_and_named(build: Any, tmp_path: Path) -> None:
    measure = build(schema={"type": "object", "required": ["length"]}, max_flag_rate=0.10)
    found = measure.measure(CASE, Observation(Reply('{"text": "The bridge is 90 m long."}')))
    assert found.good is False
    assert found.score == 1.0
    assert "schema violated" in found.reason
    kept = measure.measure(CASE, Observation(Reply('{"length": "The bridge is 90 m long."}')))
    assert "schema kept" in kept.reason


def test_rates_of_flags_are_rates_of_success_turned_round() -> None:
    assert HALLUCINATION.rates({"max_flag_rate": 0.1, "bad_flag_rate": 0.2}) == (0.9, 0.8)
    assert HALLUCINATION.rates({"max_flag_rate": 0.1}) == (0.9, None)
    assert HALLUCINATION.rates({}) == (None, None)


def test_without_a_calibration_the_plan_refuses_and_names_the_ways_out(build: Any) -> None:
    said = refusal(build, None, max_flag_rate=0.1)
    for way in (
        "[hallucination-uncalibrated]",
        "support.calibration.json",
        "type: grounded",
        "llmgate calibrate",
        "baseline",
    ):
        assert way in said


def test_too_few_labels_decide_nothing(build: Any) -> None:
    few = replace(KNOWN, labels=40, bad=20, false_flags=0, caught=15)
    assert "hallucination-uncalibrated" in refusal(build, few, max_flag_rate=0.5)


def test_a_rate_below_what_good_answers_may_cause_is_refused_with_the_bound(build: Any) -> None:
    said = refusal(build, max_flag_rate=0.02)
    assert "calibration-too-weak" in said
    assert "6 of 200" in said
    assert build(max_flag_rate=0.06) is not None


def test_a_baseline_leaves_no_room_for_rates_of_its_own(build: Any) -> None:
    assert "write two assertions" in refusal(build, baseline=True, max_flag_rate=0.1)


STEADY = ("The bridge is 90 m long.", "It is a bridge of 90 m length.", "The length of the bridge is 90 m.")
WAVERS = ("The bridge is 90 m long.", "The bridge is 70 m long.", "The length of the bridge is 60 m.")


def together(measure: Any, *texts: str) -> Any:
    return measure.measure_together(CASE, [Observation(Reply(text)) for text in texts])


def test_with_several_replies_their_contradiction_is_a_part_of_one_risk(build: Any) -> None:
    measure = build(SEVERAL, max_flag_rate=0.1)
    assert measure.repeats == 3
    steady, wavers = together(measure, *STEADY), together(measure, *WAVERS)
    assert (steady.good, wavers.good) == (True, False), "one answer, well grounded, that other replies dispute"
    assert steady.score < 0.5 < wavers.score
    for part in ("grounding", "contradiction", "flagged from 0.50"):
        assert part in steady.reason
        assert part in wavers.reason


def test_the_answer_of_a_group_is_its_first_reply(build: Any) -> None:
    measure = build(SEVERAL, max_flag_rate=0.1)
    alone = build(max_flag_rate=0.1).measure(CASE, Observation(Reply(WAVERS[0])))
    part = alone.reason.split("grounding ")[1].split(",")[0]
    assert f"grounding {part}, contradiction" in together(measure, *WAVERS).reason


def test_the_schema_binds_every_reply_of_a_group(build: Any) -> None:
    measure = build(SEVERAL, schema={"type": "object", "required": ["length"]}, max_flag_rate=0.1)
    kept, violated = '{"length": "The bridge is 90 m long."}', '{"text": "The bridge is 90 m long."}'
    found = together(measure, kept, kept, violated)
    assert (found.good, found.score) == (False, 1.0)
    assert "reply 3 of 3" in found.reason
    assert together(measure, violated, violated, violated).good is False, "identical violations are no agreement"
    assert "schema kept" in together(measure, kept, '{"length": "It is 90 m long."}', kept).reason


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ((STEADY[0],) * 3, "identical"),
        ((STEADY[0], "Die Brücke ist 90 m lang und ist nicht für das Auto.", "The bridge is the one that was"), "not"),
        ((STEADY[0], "", STEADY[1]), "empty"),
    ],
)
def test_a_group_that_cannot_be_judged_is_a_hole(build: Any, texts: tuple[str, ...], why: str) -> None:
    found = together(build(SEVERAL, max_flag_rate=0.1), *texts)
    assert found.good is None
    assert why in found.reason


def test_a_missing_reply_is_a_hole_and_so_is_one_reply_of_several(build: Any) -> None:
    measure = build(SEVERAL, max_flag_rate=0.1)
    lost = Observation(None, TrialError("timeout", "60 s"))
    found = measure.measure_together(CASE, [Observation(Reply(STEADY[0])), lost, Observation(Reply(STEADY[1]))])
    assert (found.good, "reply 2 of 3: timeout" in found.reason) == (None, True)
    alone = measure.measure(CASE, Observation(Reply(STEADY[0])))
    assert (alone.good, alone.reason) == (None, "needs 3 replies to a case")


def test_repeats_must_be_what_the_calibration_can_judge(build: Any) -> None:
    assert build(max_flag_rate=0.1).repeats == build(max_flag_rate=0.1, repeats=1).repeats == 1
    assert build(SEVERAL, max_flag_rate=0.1, repeats=5).repeats == 5
    assert "its labels have no 'replies'" in refusal(build, repeats=3)
    for raw in (1, 21, True, "3"):
        assert "no whole number from 2 to 20" in refusal(build, SEVERAL, repeats=raw)


def test_a_marked_test_has_one_reply_a_trial(tmp_path: Path) -> None:
    (tmp_path / "test_app.calibration.json").write_text(to_text(SEVERAL), encoding="utf-8")
    with pytest.raises(LlmgateError, match="several replies to a case, in a test module"):
        HALLUCINATION.build({}, SuiteFiles(tmp_path, tmp_path), Where("test_app.py", 3))


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"max_flag_rate": 0}, "bad-parameter"),
        ({"max_flag_rate": "5%"}, "bad-parameter"),
        ({"bad_flag_rate": 0.2}, "bad-parameter"),
        ({"max_flag_rate": 0.2, "bad_flag_rate": 0.1}, "bad-parameter"),
        ({"calibration": 3}, "bad-parameter"),
        ({"calibration": "other.json"}, "file-missing"),
        ({"schema": 3}, "bad-parameter"),
        ({"sources": []}, "bad-parameter"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(build: Any, params: Any, code: str) -> None:
    assert f"[{code}]" in refusal(build, **params)


def test_a_broken_file_is_refused(build: Any, tmp_path: Path) -> None:
    (tmp_path / "support.calibration.json").write_text("{", encoding="utf-8")
    assert "calibration-broken" in refusal(build, None, max_flag_rate=0.1)


@pytest.mark.parametrize(
    ("case", "seen", "why"),
    [
        (CASE, Observation(Reply("")), "empty"),
        (Case(id="c"), Observation(Reply("The bridge is 90 m long.")), "no source"),
        (CASE, Observation(None, TrialError("timeout", "60 s")), "timeout"),
    ],
)
def test_what_cannot_be_scored_is_a_hole(build: Any, case: Case, seen: Observation, why: str) -> None:
    found = build(max_flag_rate=0.1).measure(case, seen)
    assert found.good is None
    assert why in found.reason


def test_the_composite_keeps_its_parts_and_contradiction_raises_the_risk() -> None:
    known = replace(KNOWN, names=(*KNOWN.names, CONTRADICTION), weights=(*KNOWN.weights, 0.8))
    grounding = assess("The bridge is 90 m long.", index([("s", CASE.context)]), shipped())  # type: ignore[list-item]
    assert grounding is not None
    calm = composite(known, grounding, contradiction=-2.0, schema=True)
    torn = composite(known, grounding, contradiction=2.0, schema=True)
    assert calm.risk < torn.risk
    assert torn.grounding == grounding.risk
    assert torn.contradiction == pytest.approx(0.8808, abs=1e-4)
    assert composite(known, grounding, contradiction=-2.0, schema=False).risk == 1.0
    with pytest.raises(ValueError, match="several replies"):
        composite(known, grounding)


def test_disputes_are_at_least_as_likely_as_not() -> None:
    apart = contradiction_logit([Reply("It opened in 1987."), Reply("It opened in 1993.")])
    alike = contradiction_logit([Reply("It opened in 1987."), Reply("It was opened in 1987.")])
    assert isinstance(apart, float)
    assert isinstance(alike, float)
    assert apart >= 0.0 > alike
    assert isinstance(contradiction_logit([Reply("A b."), Reply("A b.")]), str)
