"""How large a circuit may be; asked before its memory is taken."""

from __future__ import annotations

from pytest_llmgate.core.errors import Where, problem

MAX_QUBITS = 1_024
MAX_CLBITS = 16_384


def check_size(qubits: int, clbits: int, where: Where | None) -> None:
    """Raises `circuit-too-wide` for more bits than any backend here could take."""
    for count, most, what in ((qubits, MAX_QUBITS, "qubits"), (clbits, MAX_CLBITS, "classical bits")):
        if count > most:
            raise problem("circuit-too-wide", f"the circuit has {count:,} {what}, at most {most:,} are allowed", where)
