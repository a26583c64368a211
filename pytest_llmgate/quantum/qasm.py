"""OpenQASM 2 and 3 to circuits: sizes checked before memory is taken, faults with line and column.

Comments are blanked first, and what is checked is what is parsed. No other file is ever read: `qelib1.inc` and
`stdgates.inc` are built into Qiskit, and every other include is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from traceback import walk_tb
from typing import Any

from qiskit import QuantumCircuit, qasm2

from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.quantum.limits import check_size
from pytest_llmgate.quantum.walk import MAX_OPERATIONS, standard_names, too_long

MAX_DEPTH = 100
MAX_STATEMENTS = 2 * MAX_OPERATIONS  # in the text; readers take a minute for a million of them
_LIBRARY = {"2": "qelib1.inc", "3": "stdgates.inc"}
_SKIPPED = re.compile(r'"[^"\n]*"|//[^\n]*|/\*[\s\S]*?\*/')
_VERSION = re.compile(r"\s*OPENQASM\s+(\d+)(?:\.\d+)?\s*;")
_INCLUDE = re.compile(r'\binclude\b(?:\s*"([^"\n]*)")?')
_SIZES = {
    "2": re.compile(r"\b(?P<kind>[qc])reg\s+\w+\s*\[(?P<size>[^\]]*)\]"),
    "3": re.compile(r"\b(?P<kind>qubit|bit|qreg|creg)\b(?:\s+\w+)?\s*\[(?P<size>[^\]]*)\]"),
}
_PLACED = re.compile(r"(?:<input>:)?(\d+),(\d+): (.*)", re.DOTALL)
_UNDEFINED = re.compile(r"'(\w+)' (?:is not defined|before definition)")
_APPLIED = re.compile(r"\w+\s*(?:\([^;]*?\)\s*)?[A-Za-z_]")
_OWN_ARGUMENTS = "the body of a gate knows only the gate's own arguments and parameters"

Place = tuple[int | None, int | None]  # line and column, both from 1


def parse_qasm(text: str, shown: str) -> QuantumCircuit:
    """The circuit of an OpenQASM program; its version line says which language it is.

    shown: path for messages. Raises `circuit-syntax`, `circuit-gate-unknown`, `circuit-include`, `circuit-too-wide`,
    `circuit-too-long`, `too-deep`, and `missing-extra` where the reader of OpenQASM 3 is not installed.
    """
    code = _SKIPPED.sub(_blanked, text)
    version = _version(code, shown)
    if code.count(";") > MAX_STATEMENTS:
        raise too_long(Where(shown))
    _check_depth(code, shown)
    _check_includes(code, version, shown)
    _check_sizes(code, version, shown)
    return _parsed(code, _parser(version, shown), shown)


def _blanked(match: re.Match[str]) -> str:
    """A comment as spaces, so that lines and columns stay; a string as it is."""
    found = match[0]
    return found if found.startswith('"') else re.sub(r"[^\n]", " ", found)


def _version(code: str, shown: str) -> str:
    match = _VERSION.match(code)
    if match is None:
        what = "has no OPENQASM line at its top" if code.strip() else "is empty"
        hint = "begin with `OPENQASM 2.0;` or `OPENQASM 3.0;`"
        raise problem("circuit-syntax", f"the circuit {what}", Where(shown, 1), hint)
    if match[1] not in _LIBRARY:
        raise _faulty(f"OpenQASM {match[1]} is not known", code, match.start(1), shown, "versions 2 and 3 are")
    return match[1]


def _place(code: str, offset: int) -> tuple[int, int]:
    line = code.count("\n", 0, offset) + 1
    return line, offset - code.rfind("\n", 0, offset)


def _faulty(message: str, code: str, offset: int, shown: str, hint: str = "") -> LlmgateError:
    line, column = _place(code, offset)
    return problem("circuit-syntax", f"column {column}: {message}", Where(shown, line), hint)


def _check_depth(code: str, shown: str) -> None:
    """Deep nesting takes readers minutes or their stack."""
    depth = 0
    for match in re.finditer(r"[(\[{]|[)\]}]", code):
        depth += 1 if match[0] in "([{" else -1
        if depth > MAX_DEPTH:
            line, column = _place(code, match.start())
            message = f"column {column}: brackets are nested deeper than {MAX_DEPTH}"
            raise problem("too-deep", message, Where(shown, line), "write it in several statements")


def _check_includes(code: str, version: str, shown: str) -> None:
    for match in _INCLUDE.finditer(code):
        if match[1] != _LIBRARY[version]:
            line, column = _place(code, match.start())
            raise problem(
                "circuit-include",
                f"column {column}: the include of {match[1] or 'something'!r} is refused",
                Where(shown, line),
                f"OpenQASM {version} includes {_LIBRARY[version]!r} only; write other gates into the file itself",
            )


def _check_sizes(code: str, version: str, shown: str) -> None:
    """Registers are as wide as they say, so that their sum is known before anything is built."""
    qubits = clbits = 0
    for match in _SIZES[version].finditer(code):
        text = match["size"].strip()
        if not re.fullmatch(r"[0-9][0-9_]{0,11}", text):
            hint = "write the size of a register as a whole number"
            raise _faulty(f"{text[:20]!r} is no size of a register", code, match.start("size"), shown, hint)
        size = int(text.replace("_", ""))
        qubits += size if match["kind"].startswith("q") else 0
        clbits += size if not match["kind"].startswith("q") else 0
        check_size(qubits, clbits, Where(shown, _place(code, match.start())[0]))


def _parser(version: str, shown: str) -> Callable[[str], QuantumCircuit]:
    if version == "2":
        return lambda code: qasm2.loads(code, include_path=(), custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
    try:
        import qiskit_qasm3_import  # noqa: F401 - qiskit.qasm3 needs it, and says so less clearly
    except ImportError:
        hint = "pip install qiskit-qasm3-import"
        raise problem("missing-extra", "OpenQASM 3 needs qiskit-qasm3-import", Where(shown), hint) from None
    return lambda code: _read_qasm3(code).copy()


@lru_cache(maxsize=256)
def _read_qasm3(code: str) -> QuantumCircuit:
    """Kept, as the reader takes 30 ms for a few lines and every test reads its files when it is collected and run."""
    from qiskit import qasm3

    found: QuantumCircuit = qasm3.loads(code)
    return found


def _parsed(code: str, parse: Callable[[str], QuantumCircuit], shown: str) -> QuantumCircuit:
    try:
        return parse(code)
    except (KeyboardInterrupt, SystemExit):
        raise
    except RecursionError:
        hint = "write it in several statements"
        raise problem("too-deep", "expressions or blocks are nested too deep", Where(shown), hint) from None
    except BaseException as fault:  # readers written in Rust panic with a BaseException
        raise _explained(fault, code, shown) from None


def _explained(fault: BaseException, code: str, shown: str) -> LlmgateError:
    """A reader's complaint with its place in the file, and what helps."""
    message, (line, column) = _complaint(fault)
    message = "".join(char if char.isprintable() else "?" for char in message)[:300]
    where = Where(shown, line)
    at = "" if column is None else f"column {column}: "
    undefined = _UNDEFINED.search(message)
    if undefined is None:
        hint = _OWN_ARGUMENTS if "is a quantum register, not a qubit" in message else ""
        return problem("circuit-syntax", f"{at}{message}", where, hint)
    name = undefined[1]
    if _is_applied(code, line, column):
        return problem("circuit-gate-unknown", f"{at}the gate {name!r} is not known", where, _hint(name, code))
    return problem("circuit-syntax", f"{at}{name!r} is not declared", where, f"declare it above; {_OWN_ARGUMENTS}")


def _complaint(fault: BaseException) -> tuple[str, Place]:
    """Message, line and column of what the readers raise; both count columns from 0."""
    text = str(getattr(fault, "message", "") or fault)
    if match := _PLACED.search(text):
        return match[3], (int(match[1]), int(match[2]) + 1)
    token = _offending(fault)
    if token is not None:
        return f"unexpected {token.text!r}", (token.line, token.column + 1)
    if type(fault).__name__ == "QASM3ParsingError":
        return f"not OpenQASM 3: {text or 'it cannot be read'}", (None, None)
    return f"cannot be read: {type(fault).__name__}: {text or 'no message'}", _visited(fault)


def _visited(fault: BaseException) -> Place:
    """The statement at which the reader of OpenQASM 3 stumbled without saying so: its frames hold the node."""
    place: Place = (None, None)
    for frame, _ in walk_tb(fault.__traceback__):
        span = getattr(frame.f_locals.get("node"), "span", None)
        if span is not None:
            place = (span.start_line, span.start_column + 1)
    return place


def _offending(fault: BaseException | None) -> Any:
    """The token at which the reader of OpenQASM 3 gave up: it hides in the causes of its exception."""
    for _ in range(5):
        if fault is None:
            return None
        for candidate in (fault, *fault.args):
            if getattr(candidate, "offendingToken", None) is not None:
                return candidate.offendingToken
        fault = fault.__cause__ or fault.__context__
    return None


def _is_applied(code: str, line: int | None, column: int | None) -> bool:
    """Whether the unknown name stands where a gate would: followed by what it is applied to."""
    if line is None or column is None:
        return True
    lines = code.split("\n")
    rest = "\n".join([lines[line - 1][column - 1 :], *lines[line : line + 3]])
    return _APPLIED.match(rest) is not None


def _hint(name: str, code: str) -> str:
    if not re.search(r"\binclude\b", code):
        return "the standard gates come with an include of qelib1.inc (OpenQASM 2) or stdgates.inc (OpenQASM 3)"
    known = {*standard_names(), *re.findall(r"\bgate\s+(\w+)", code)}
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"define it above with `gate {name} … {{ … }}`"
