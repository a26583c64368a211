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
