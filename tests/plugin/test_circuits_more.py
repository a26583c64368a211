"""What a tester of circuits found in a gated run, and what must stay as it is."""

from __future__ import annotations

import numpy.fft
import pytest
import qiskit.qasm2
import qiskit.qasm3
import qiskit.transpiler.preset_passmanagers
import qiskit_aer.noise
import scipy.linalg
import scipy.special

from .conftest import Example

# Loaded once and for all: pytester forgets what is imported during a run, and these cannot be loaded twice.
KEPT = (numpy.fft, qiskit.qasm2, qiskit.qasm3, qiskit.transpiler, qiskit_aer.noise, scipy.linalg, scipy.special)

HEADER = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2]; creg c[2];\n'
BELL = f"{HEADER}h q[0]; cx q[0],q[1]; measure q -> c;\n"


@pytest.mark.parametrize("order", [("near", "same"), ("same", "near")])
def test_a_tolerance_on_the_same_reference_leaves_the_other_gate_its_alternatives(
    example: Example, order: tuple[str, str]
) -> None:
    """A tolerance knows no faults; a gate beside it, on the same reference, still has to rule them out."""
    gates = {
        "near": "{type: distribution, reference: bell.qasm, max_tvd: 0.1, bad_tvd: 0.3, name: near}",
        "same": "{type: distribution, reference: bell.qasm, name: same}",
    }
    lines = "".join(f"\n          - {gates[name]}" for name in order)
    suite = f"""
    suite: q
    tests:
      - id: bell
        circuit: bell.qasm
        screen: quick
        assert:{lines}
    """
    ran = example.files({"q.suite.yaml": suite, "bell.qasm": BELL}).gate()
    assert ran.verdicts == {"bell": "pass"}
    assert ran.gate("bell", "same")["ruled_out"] == "each of 2 declared changes is ruled out"


TURNED = """
    OPENQASM 3.0;
    include "stdgates.inc";
    input float[64] theta;
    qubit q;
    bit[1] c;
    ry(theta) q;
    c[0] = measure q;
"""


def test_the_figures_of_several_streams_are_told_as_those_of_one(example: Example) -> None:
    """`2 streams, in all of them: 6 of 11` was what one of them had seen."""
    suite = """
    suite: q
    tests:
      - id: turned
        circuit: turned.qasm
        cases: [{id: little, vars: {theta: 0.3}}, {id: more, vars: {theta: 0.4}}]
        assert: [{type: success-probability, bitstrings: ["0"], min_rate: 0.9, bad_rate: 0.5}]
    """
    gate = example.files({"q.suite.yaml": suite, "turned.qasm": TURNED}).gate().gate("turned")
    first = gate["arms"][0]
    assert gate["reason"] == f"2 streams pass; case little: {first['reason']}"
    assert (gate["n"], gate["verdict"]) == (first["n"], "pass")


def test_one_shot_is_one_shot(example: Example) -> None:
    suite = """
    suite: q
    tests:
      - id: bell
        circuit: bell.qasm
        shots: 1
        assert: [{type: expectation, observable: ZZ, min_value: 0.9, bad_value: 0.5}]
    """
    ran = example.files({"q.suite.yaml": suite, "bell.qasm": BELL}).gate()
    assert ran.gate("bell")["reason"].startswith("1 shot: ")
    assert ran.verdicts == {"bell": "inconclusive"}


@pytest.mark.parametrize(("shots", "verdict"), [(3, "error"), (9, "pass")])
def test_a_fixed_rule_that_can_fail_no_circuit_is_refused(example: Example, shots: int, verdict: str) -> None:
    """Of four equal outcomes, three shots are never rarer than 1 in 16: a pass at 1 % would mean nothing."""
    suite = f"""
    suite: q
    tests:
      - id: even
        circuit: even.qasm
        shots: {shots}
        assert: [{{type: distribution, reference: even.qasm, rule: fixed}}]
    """
    even = BELL.replace("cx q[0],q[1]", "h q[1]")
    ran = example.files({"q.suite.yaml": suite, "even.qasm": even}).gate()
    assert ran.verdicts == {"even": verdict}
    if verdict == "error":
        assert (
            "with shots: 3 it can fail no circuit: even the rarest counts have p = 0.062, above its 0.01"
            in " ".join(ran.text.split())
        )


def test_a_pass_that_rules_nothing_out_does_not_count_what_it_ruled_out(example: Example) -> None:
    """`each of 0 declared changes is ruled out (5 % risk)` sounded like a finding."""
    suite = """
    suite: q
    tests:
      - id: still
        circuit: still.qasm
        assert: [{type: distribution, expected: {"00": 1.0}}]
    """
    still = BELL.replace("h q[0]; cx q[0],q[1];", "")
    ran = example.files({"q.suite.yaml": suite, "still.qasm": still}).gate()
    assert ran.verdicts == {"still": "pass"}
    assert "as expected: no change was declared to be ruled out; an undeclared change" in ran.gate("still")["reason"]
