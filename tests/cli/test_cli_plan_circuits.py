"""`llmgate plan` of circuits: what each gate will catch and what it never shows, and not a shot is drawn."""

from __future__ import annotations

import re

import pytest

from .conftest import Repo

BELL = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
SKEWED = 'OPENQASM 3; include "stdgates.inc"; qubit[2] q; bit[2] c; ry(0.6) q[0]; ry(1.2) q[1]; c = measure q;'
WIDE = (
    'OPENQASM 3; include "stdgates.inc"; qubit[9] q; bit[9] c; '
    + " ".join(f"ry({1 + number / 10}) q[{number}];" for number in range(9))
    + " c = measure q;"
)


@pytest.fixture
def plan_of(repo: Repo):
    def plan(*asserts: str, circuit: str = BELL, code: int = 0, **keys: str) -> str:
        lines = "".join(f"      - {{{item}}}\n" for item in asserts)
        more = "".join(f"    {name}: {value}\n" for name, value in keys.items())
        content = f"suite: q\nseed: 7\ntests:\n  - id: t\n    circuit: c.qasm\n{more}    assert:\n{lines}"
        repo.files({"suites/c.qasm": circuit, "suites/q.suite.yaml": content})
        done = repo.llmgate("plan", "suites/q.suite.yaml")
        assert done.code == code, done.raw
        return done.text

    return plan


def test_a_symmetric_circuit_cannot_show_reversed_bits(plan_of) -> None:
    text = plan_of("type: distribution, reference: c.qasm")
    assert "distribution: as the reference c.qasm, 2 outcomes" in text
    assert "never revealed: bit order reversed" in text
    assert re.search(r"an undeclared TVD of 0\.1 is caught in 8\d % at N = \d+: no pass before", text)
    assert re.search(r"cx q0,q1 missing.* 0\.5 \d+ \d+ [\d.]+ %", text)


def test_an_asymmetric_one_can(plan_of) -> None:
    text = plan_of("type: distribution, reference: c.qasm", circuit=SKEWED, screen="quick")
    assert re.search(r"bit order reversed 0\.\d+ \d+ \d+ [\d.]+ %", text)
    assert "undeclared changes not tested (screen: quick)" in text


def test_a_fixed_rule_has_its_power_against_each_change(plan_of) -> None:
    text = plan_of("type: distribution, reference: c.qasm, rule: fixed", circuit=SKEWED, shots="1000")
    assert "one look, at 1,000 shots" in text
    assert re.search(r"basis change before measuring q0 missing 0\.0873 [\d.]+ %", text), text
    assert "1,000 shots to expect of a good circuit" in text


def test_a_tolerance_that_cannot_be_decided_is_refused_with_the_way_out(plan_of) -> None:
    text = plan_of(
        "type: distribution, reference: c.qasm, max_tvd: 0.02", circuit=WIDE, code=2, shots="2000", screen="quick"
    )
    assert "refused: this gate cannot decide, see below" in text
    assert "2,000 shots cannot tell TVD 0.02 from 0.04" in text
    assert "group_by" in text
    assert "[circuit-plan]" in text


def test_groups_of_outcomes_are_the_way_out(plan_of) -> None:
    text = plan_of(
        "type: distribution, reference: c.qasm, max_tvd: 0.05, group_by: {bits: [0]}",
        circuit=WIDE, shots="20000",
    )  # fmt: skip
    assert "near the reference c.qasm, 2 outcomes; good at or below TVD 0.05, bad at or above 0.1" in text
    assert "refused" not in text


def test_a_screen_above_the_ceiling_is_refused(plan_of) -> None:
    text = plan_of("type: distribution, reference: c.qasm", shots="100", code=2)
    assert "above the ceiling" in text
    assert "screen: quick" in text


def test_bases_are_streams_of_their_own_and_share_the_risk(plan_of) -> None:
    text = plan_of('type: distribution, reference: c.qasm, bases: ["Z", "X"]')
    assert "20,000 at most in each of 2 streams" in text
    assert "distribution, basis Z: as the reference" in text
    assert "distribution, basis X: as the reference" in text
    assert "0.5 % risk, 1 of 2 that share it" in text


def test_rates_values_and_what_no_shot_decides(plan_of) -> None:
    text = plan_of(
        'type: success-probability, bitstrings: ["00", "11"], min_rate: 0.95, bad_rate: 0.9',
        "type: expectation, observable: ZZ, min_value: 0.9, bad_value: 0.8",
        "type: equivalent, reference: c.qasm",
        "type: distribution, baseline: true",
    )
    assert "good at or above 95 %, bad at or below 90 %" in text
    assert "shots to expect: " in text
    assert "an expectation; good at or above 0.9, bad at or below 0.8" in text
    assert "no shot decides it: the states are equal" in text
    assert "no shot decides it: no approved baseline yet: nothing was compared" in text
    assert re.search(r"is blocked with probability at most [\d.]+ %", text)


def test_a_plan_of_circuits_leaves_no_run_behind(plan_of, repo: Repo) -> None:
    plan_of("type: distribution, reference: c.qasm")
    assert not (repo.path / ".llmgate" / "runs").exists()


def test_a_device_is_named_with_its_budget_and_not_asked(plan_of) -> None:
    text = plan_of(
        "type: distribution, reference: c.qasm",
        backend="{provider: ibm, name: ibm_nowhere, budget: {shots: 8000, seconds: 60}}",
        fallback="{backend: aer, noise: brisbane}",
    )
    assert "drawn on ibm:ibm_nowhere, 5 jobs at most a stream; budget 8,000 shots, 60 s" in text
    assert "note: falls back to aer, and the verdict says so" in text


def test_a_budget_that_even_a_good_circuit_would_pass_is_told_before_it_is_spent(plan_of) -> None:
    asks = 'type: distribution, expected: {"00": 0.5, "11": 0.5}, max_tvd: 0.05'
    said = "the budget of 100 shots will end it before the shots to expect: inconclusive"
    assert said in plan_of(asks, backend="{provider: generic, budget: {shots: 100}}", noise="none")
    assert said not in plan_of(asks, backend="{provider: generic, budget: {shots: 9000}}", noise="none")


def test_a_circuit_that_cannot_be_loaded_has_no_plan(plan_of) -> None:
    assert "c.qasm" in plan_of("type: distribution, baseline: true", circuit="OPENQASM 3; qubit[", code=2)
