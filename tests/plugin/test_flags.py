"""A gate on flags says which rate of hallucinated answers is behind them, and rests on a calibration by digest."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from pytest_llmgate.cli.commands import cli
from pytest_llmgate.detectors.calibration import CONTRADICTION, Calibration
from pytest_llmgate.detectors.calibration_file import calibration_digest, to_text
from pytest_llmgate.detectors.figures import Bin
from pytest_llmgate.detectors.grounding.score import shipped

from .conftest import Example

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
FILES = {
    "suites/shop.suite.yaml": """
        suite: shop
        tests:
          - id: answers
            function: "app.py:answer"
            cases:
              - {vars: {q: 0}, context: The bridge is 90 m long.}
              - {vars: {q: 1}, context: The bridge is 90 m long.}
            trials: 40
            stop: all
            assert:
              - {type: hallucination, max_flag_rate: 0.6, bad_flag_rate: 0.9, rule: fixed}
        """,
    "suites/shop.calibration.json": to_text(KNOWN),
    "suites/app.py": """
        def answer(q):
            return ["The bridge is 90 m long.", "Penguins raise their chicks on drifting ice in 1954."][q]
        """,
}


def test_the_verdict_shows_the_rate_corrected_for_false_flags_and_recall(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = example.files(FILES).gate()
    gate = ran.gate("answers")
    assert (gate["n"], gate["successes"]) == (40, 20)
    figures = gate["figures"]
    assert figures["calibration"] == calibration_digest(KNOWN)
    assert figures["corrected"]["estimate"] == pytest.approx((0.5 - 0.03) / (0.75 - 0.03))
    low, high = figures["corrected"]["interval"]
    assert low < figures["corrected"]["estimate"] < high
    assert "corrected for 3 % false flags and 75 % recall of the calibration: 65.28 % (" in gate["reason"]

    monkeypatch.chdir(example.path)
    again = json.loads(CliRunner().invoke(cli, ["regate", "--json"]).output)
    assert again["tests"][0]["gates"][0]["figures"] == figures, "a recorded run is decided again by the same labels"


def test_another_calibration_is_another_plan(example: Example) -> None:
    digests = [example.files(FILES).gate().result["run"]["plan_digest"]]
    files = {"suites/shop.calibration.json": to_text(replace(KNOWN, caught=151))}
    digests.append(example.files(files).gate().result["run"]["plan_digest"])
    assert digests[0] != digests[1]


SEVERAL = {
    "suites/shop.suite.yaml": """
        suite: shop
        tests:
          - id: answers
            function: "app.py:answer"
            cases:
              - {vars: {q: 0}, context: The bridge is 90 m long.}
              - {vars: {q: 1}, context: The bridge is 90 m long.}
            trials: 60
            stop: all
            assert:
              - {type: hallucination, repeats: 3, max_flag_rate: 0.6, bad_flag_rate: 0.95, rule: fixed}
        """,
    "suites/shop.calibration.json": to_text(
        replace(
            KNOWN,
            names=(*KNOWN.names, CONTRADICTION),
            weights=(*KNOWN.weights, 1.5),
            constant=KNOWN.constant + 2.5,
        )
    ),
    "suites/app.py": """
        SAYS = ["The bridge is 90 m long.", "The length of the bridge is {} m.", "It is a bridge of {} m length."]

        def answer(q, trial):
            return SAYS[trial.repeat % 3].format(90 - 10 * q * (trial.repeat % 3))
        """,
}


def test_several_replies_are_one_risk_counted_by_groups(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first reply of every group is supported by the source; of the second case the others dispute it."""
    ran = example.files(SEVERAL).gate()
    gate = ran.gate("answers")
    assert (gate["n"], gate["successes"], gate["holes"]) == (20, 10, 0), ran.text
    assert gate["figures"]["repeats"] == 3
    assert "corrected" in gate["figures"]
    assert "contradiction 0." in ran.test("answers")["failing"][0]["reason"]
    monkeypatch.chdir(example.path)
    again = json.loads(CliRunner().invoke(cli, ["regate", "--json"]).output)
    assert again["tests"] == ran.result["tests"]
