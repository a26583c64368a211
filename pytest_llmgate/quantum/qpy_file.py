"""QPY, Qiskit's binary form of circuits, read without trusting it.

From format 13 on (Qiskit 1.3) a QPY file holds numbers, names and JSON: reading it can make objects of Qiskit's own
circuit library, with the arguments that the file gives, and runs no code of the file. Before 13 Qiskit evaluated text
of the file as symbolic expressions (CVE-2025-2000), so that older formats are refused whatever Qiskit is installed.
"""

from __future__ import annotations

import struct
import warnings
from io import BytesIO

from qiskit import QuantumCircuit, qpy
from qiskit.qpy import formats
from qiskit.qpy.common import QPY_VERSION

from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.quantum.limits import check_size

OLDEST = 13
_TABLE_FROM = 16  # formats that list where in the file each circuit begins
_SAVE_AGAIN = 'save it again: with open("circuit.qpy", "wb") as file: qiskit.qpy.dump(circuit, file)'


def parse_qpy(data: bytes, where: Where) -> QuantumCircuit:
    """The one circuit of a QPY file.

    where: the file. Raises `circuit-qpy` for what is no such file, `circuit-too-wide` before memory is taken.
    """
    _check_header(data, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a file of a newer Qiskit: it loads, or it is an error below
            circuits = qpy.load(BytesIO(data))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as fault:  # the reader is written in Rust, which panics with a BaseException
        detail = f"{type(fault).__name__}: {str(fault)[:200]}"
        raise _refused(f"the circuit cannot be read: {detail}", where) from None
    circuit = circuits[0]
    if not isinstance(circuit, QuantumCircuit):
        raise _refused(f"the file holds a {type(circuit).__name__}, not a circuit", where)
    return circuit


def _refused(message: str, where: Where, hint: str = _SAVE_AGAIN) -> LlmgateError:
    return problem("circuit-qpy", message, where, hint)


def _check_header(data: bytes, where: Where) -> None:
    """Format, number of circuits and number of bits, all before the reader sees the file."""
    if data[:6] != b"QISKIT" or len(data) <= formats.FILE_HEADER_V10_SIZE:
        raise _refused("the file is not QPY" if data else "the file is empty", where)
    version = data[6]
    if version < OLDEST:
        raise _refused(f"QPY format {version} is refused: files before format {OLDEST} can run code", where)
    if version > QPY_VERSION:
        hint = "pip install --upgrade qiskit"
        raise _refused(f"QPY format {version} is newer than the installed Qiskit reads ({QPY_VERSION})", where, hint)
    header = formats.FILE_HEADER_V10._make(struct.unpack_from(formats.FILE_HEADER_V10_PACK, data))
    if header.num_programs != 1:
        hint = "write each circuit into a file of its own"
        raise _refused(f"the file holds {header.num_programs:,} circuits, one is needed", where, hint)
    _check_bits(data, version, where)


def _check_bits(data: bytes, version: int, where: Where) -> None:
    """The sizes that the circuit's own header states; a file that lies about them fails in the reader."""
    start = formats.FILE_HEADER_V10_SIZE + 1  # after the kind of program
    try:
        if version >= _TABLE_FROM:
            (start,) = struct.unpack_from(formats.CIRCUIT_TABLE_ENTRY_PACK, data, start)
        header = formats.CIRCUIT_HEADER_V12._make(struct.unpack_from(formats.CIRCUIT_HEADER_V12_PACK, data, start))
    except (struct.error, OverflowError):
        raise _refused("the file ends before its circuit begins", where) from None
    check_size(header.num_qubits, header.num_clbits, where)
    if header.num_registers + header.num_instructions > len(data):
        raise _refused("the file promises more than it holds", where)
