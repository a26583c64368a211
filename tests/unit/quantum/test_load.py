"""Circuits as files and functions: what loads, and what each broken one is told."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import ClassicalRegister, Clbit, Parameter, ParameterVector, QuantumRegister
from qiskit.quantum_info import Operator

from pytest_llmgate.core.errors import LlmgateError, Problem, Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.quantum.load import bind, check_measured, is_clifford, is_dynamic, load_circuit, used_qubits
from pytest_llmgate.quantum.python_source import taken_names

AT = Where("suites/a.suite.yaml", 7)
HEAD2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
HEAD3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
PAIRS = Path(__file__).parents[4] / "shared" / "data" / "circuits"


@pytest.fixture
def files(tmp_path: Path) -> SuiteFiles:
    return SuiteFiles(tmp_path, tmp_path)


def load(files: SuiteFiles, content: str | bytes, name: str = "a.qasm") -> QuantumCircuit:
    (files.root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_circuit(name, files, AT)


def refusal(files: SuiteFiles, content: str | bytes, name: str = "a.qasm") -> Problem:
    with pytest.raises(LlmgateError) as caught:
        load(files, content, name)
    return caught.value.problems[0]


def saved(*circuits: QuantumCircuit, version: int = 13) -> bytes:
    file = io.BytesIO()
    qpy.dump(list(circuits), file, version=version)
    return file.getvalue()


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


# ---- OpenQASM


def test_the_version_line_says_which_openqasm_it_is(files: SuiteFiles) -> None:
    two = load(files, HEAD2 + "qreg q[2];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\nmeasure q -> c;\n")
    three = load(
        files, "// a comment first\n" + HEAD3 + "qubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;"
    )
    assert two.count_ops() == three.count_ops() == {"h": 1, "cx": 1, "measure": 2}


def test_dynamic_circuits_load(files: SuiteFiles) -> None:
    circuit = load(files, HEAD3 + "qubit[2] q; bit[2] c; c[0] = measure q[0]; if (c[0]) { x q[1]; } reset q[0];")
    assert is_dynamic(circuit)


@pytest.mark.parametrize(
    ("content", "code", "line", "says"),
    [
        ("", "circuit-syntax", 1, "is empty"),
        ("qreg q[2];", "circuit-syntax", 1, "no OPENQASM line"),
        ("OPENQASM 4.0;", "circuit-syntax", 1, "OpenQASM 4"),
        ("\x00\x01", "circuit-syntax", 1, "no OPENQASM line"),
        (HEAD2 + "qreg q[2];\n  hh q[0];", "circuit-gate-unknown", 4, "column 3: the gate 'hh' is not known"),
        (HEAD3 + "qubit[2] q;\n  hh q[0];", "circuit-gate-unknown", 4, "column 3: the gate 'hh' is not known"),
        ("OPENQASM 2.0;\nqreg q[2];\nh q[0];", "circuit-gate-unknown", 3, "column 1: the gate 'h' is not known"),
        (HEAD2 + "opaque box a;\nqreg q[2];\nbox q[0];", "circuit-gate-unknown", 7, "without a definition"),
        (HEAD2 + "qreg q[2];\nh q[0]\nx q[1];", "circuit-syntax", 5, "column 1: needed"),
        (HEAD3 + "qubit[2] q;\nh q[0]\nx q[1];", "circuit-syntax", 5, "column 1: unexpected 'x'"),
        (HEAD2 + "gate my a {\n  h q[0]; }\nqreg q[2];", "circuit-syntax", 4, "column 5: 'q' is not declared"),
        (HEAD2 + "qreg q[2];\ngate my a { h q[0]; }", "circuit-syntax", 4, "column 15: 'q' is a quantum register"),
        (HEAD2 + "qreg q[2]; h q[7];", "circuit-syntax", 3, "out-of-range"),
        (HEAD3 + "qubit[2] q;\nh q[7];", "circuit-syntax", 4, "IndexError"),
        (HEAD2 + "qreg q[-2];", "circuit-syntax", 3, "column 8: '-2' is no size"),
        (HEAD3 + "qubit[-2] q;", "circuit-syntax", 3, "column 7: '-2' is no size"),
        (HEAD2 + "qreg q[1000000];", "circuit-too-wide", 3, "1,000,000 qubits"),
        (HEAD3 + "qubit[1_000_000] q;", "circuit-too-wide", 3, "1,000,000 qubits"),
        (HEAD2 + "qreg a[700];\nqreg b[700];", "circuit-too-wide", 4, "1,400 qubits"),
        (HEAD2 + "qreg q[1];\ncreg c[99999999];", "circuit-too-wide", 4, "99,999,999 classical bits"),
        (HEAD2 + 'include "/etc/passwd";', "circuit-include", 3, "'/etc/passwd'"),
        (HEAD3 + 'include "mine.inc";', "circuit-include", 3, "'mine.inc'"),
        (HEAD2 + "qreg q[1];\nrx(" + "(" * 1_000_000, "too-deep", 4, "nested deeper than 100"),
        (HEAD2 + "qreg q[1];\nrx(1/0) q[0];", "circuit-syntax", 4, "divide by zero"),
    ],
)
def test_what_cannot_be_parsed_says_where_and_why(
    files: SuiteFiles, content: str, code: str, line: int, says: str
) -> None:
    found = refusal(files, content)
    assert (found.code, says in found.message) == (code, True), found
    assert found.where in (Where("a.qasm", line), AT)  # the definition that is missing is known of the whole circuit


def test_a_commented_include_is_none_and_a_hidden_one_is_refused(files: SuiteFiles) -> None:
    (files.root / "secret.inc").write_text("secret words")
    assert load(files, HEAD2 + '// include "secret.inc";\nqreg q[1];').num_qubits == 1
    found = refusal(files, HEAD2 + 'include\n"secret.inc";')
    assert found.code == "circuit-include"
    assert "words" not in found.message


def test_binary_is_no_text(files: SuiteFiles) -> None:
    assert refusal(files, b"\xff\xfe\x00OPENQASM").code == "file-not-utf8"


def test_definitions_that_explode_are_refused_before_they_are_expanded(files: SuiteFiles) -> None:
    """60 lines that would expand to 2^59 gates, and a chain as deep as Python's stack."""
    doubling = " ".join(f"gate a{i} x {{ a{i - 1} x; a{i - 1} x; }}" for i in range(1, 60))
    found = refusal(files, HEAD2 + f"gate a0 x {{ h x; }} {doubling} qreg q[1]; a59 q[0];")
    assert found.code == "circuit-too-long"
    chain = " ".join(f"gate a{i} x {{ a{i - 1} x; }}" for i in range(1, 3000))
    assert refusal(files, HEAD2 + f"gate a0 x {{ h x; }} {chain} qreg q[1]; a2999 q[0];").code == "too-deep"


@pytest.mark.parametrize("last", [10**6, 10**9])
def test_a_loop_counts_in_each_of_its_turns(files: SuiteFiles, last: int) -> None:
    """The simulator writes loops out: a billion turns took its memory before a shot was drawn."""
    loop = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit q; for int i in [0:{}] {{ h q; }}'
    assert load(files, loop.format(99)).num_qubits == 1
    assert refusal(files, loop.format(last)).code == "circuit-too-long"


def test_a_text_that_is_too_long_is_refused_unread(files: SuiteFiles) -> None:
    """The reader took minutes for the 48 MB of six million gates, and then they were too many."""
    assert refusal(files, HEAD2 + "qreg q[1];" + "h q[0];" * 200_001).code == "circuit-too-long"


@pytest.mark.parametrize("angle", ["1e999", "-1e999"])
def test_an_angle_is_finite(files: SuiteFiles, angle: str) -> None:
    found = refusal(files, HEAD2 + f"qreg q[1]; rx({angle}) q[0];")
    assert (found.code, "rx" in found.message) == ("circuit-parameters", True)


def test_a_definition_under_a_standard_name_is_what_it_says(files: SuiteFiles) -> None:
    """Simulators go by the name: `iswap` defined as a cx would be run as an iswap."""
    liar = load(files, HEAD2 + "gate iswap a,b { cx a,b; }\nqreg q[2];\niswap q[0],q[1];")
    assert liar.count_ops() == {"cx": 1}
    honest = load(files, HEAD3 + "gate rzz(a) x, y { cx x, y; rz(a) y; cx x, y; }\nqubit[2] q;\nrzz(0.5) q[0], q[1];")
    assert honest.count_ops() == {"rzz": 1}
    inner = load(files, HEAD2 + "gate iswap a,b { cx a,b; } gate my a,b { iswap a,b; }\nqreg q[2];\nmy q[0],q[1];")
    expected = QuantumCircuit(2)
    expected.cx(0, 1)
    assert Operator(inner) == Operator(expected)
    assert inner.count_ops() == {"cx": 1}


# ---- QPY


def test_qpy_holds_one_circuit(files: SuiteFiles) -> None:
    assert load(files, saved(bell()), "a.qpy").count_ops() == bell().count_ops()
    found = refusal(files, saved(bell(), bell()), "a.qpy")
    assert (found.code, found.message) == ("circuit-qpy", "the file holds 2 circuits, one is needed")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"not QPY at all, but long enough", "is not QPY"),
        (saved(bell())[:50], "ends before"),
        (saved(bell())[:-9], "cannot be read"),
        (saved(bell())[:6] + bytes([12]) + saved(bell())[7:], "format 12 is refused"),
        (saved(bell())[:6] + bytes([250]) + saved(bell())[7:], "is newer than the installed Qiskit"),
    ],
)
def test_a_qpy_file_that_cannot_be_trusted_is_refused(files: SuiteFiles, data: bytes, says: str) -> None:
    found = refusal(files, data, "a.qpy")
    assert found.code == "circuit-qpy"
    assert says in found.message
    assert found.where == Where("a.qpy")


def test_a_qpy_file_that_asks_for_too_much_is_refused_unread(files: SuiteFiles) -> None:
    data = saved(bell())
    place = data.index(b"\x00\x00\x00\x02\x00\x00\x00\x02")
    wide = data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :]
    assert refusal(files, wide, "a.qpy").code == "circuit-too-wide"


def test_a_damaged_qpy_file_is_never_a_crash(files: SuiteFiles) -> None:
    """Each byte of a small file flipped: it loads, or it is an error of ours."""
    data = saved(bell())
    refused = 0
    for place in range(7, len(data)):
        try:
            load(files, data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :], "a.qpy")
        except LlmgateError:
            refused += 1
    assert refused > len(data) // 3


# ---- Python


MODULE = """
from qiskit import QuantumCircuit

def ghz(n, reverse=False):
    circuit = QuantumCircuit(n)
    circuit.h(0)
    circuit.measure_all()
    return circuit

def any_of(**values):
    return ghz(len(values))

def breaks(n):
    return QuantumCircuit(1).cx(0, 5)

def returns_counts():
    return {"00": 512}

async def later():
    return None

def leaves(): raise SystemExit(3)

def not_a_number():
    circuit = QuantumCircuit(1)
    circuit.rx(float("nan"), 0)
    return circuit

prepared = ghz(3)
number = 3
"""


@pytest.fixture
def module(files: SuiteFiles) -> SuiteFiles:
    (files.root / "mine.py").write_text(MODULE)
    return files


def test_a_function_gets_the_values_that_it_takes(module: SuiteFiles) -> None:
    values = {"n": 4, "theta": 0.5}
    assert load_circuit("mine.py:ghz", module, AT, values).num_qubits == 4
    assert load_circuit("mine.py:any_of", module, AT, values).num_qubits == 2
    assert load_circuit("mine.py:prepared", module, AT).num_qubits == 3
    assert taken_names("mine.py:ghz", module, AT, values) == {"n"}
    assert taken_names("a.qasm", module, AT, values) == frozenset()


def test_an_angle_that_a_function_gives_is_a_number(module: SuiteFiles) -> None:
    with pytest.raises(LlmgateError, match="no finite number"):
        load_circuit("mine.py:not_a_number", module, AT)


@pytest.mark.parametrize(
    ("name", "says", "where"),
    [
        ("ghz", "missing a required argument: 'n'", AT),
        ("breaks", "raised CircuitError", Where("mine.py", 14)),
        ("returns_counts", "returned a value of type dict", AT),
        ("later", "is an async function", AT),
        ("leaves", "raised SystemExit: 3", Where("mine.py", 22)),
        ("number", "is a int", AT),
    ],
)
def test_a_function_that_gives_no_circuit_is_told(module: SuiteFiles, name: str, says: str, where: Where) -> None:
    values = {"n": 1} if name == "breaks" else {}
    with pytest.raises(LlmgateError) as caught:
        load_circuit(f"mine.py:{name}", module, AT, values)
    found = caught.value.problems[0]
    assert (found.code, found.where) == ("circuit-function", where)
    assert says in found.message


def test_other_names_are_no_circuits(files: SuiteFiles) -> None:
    assert refusal(files, "", "circuit.txt").code == "circuit-source"


# ---- parameters


def parametrised() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    angles = ParameterVector("theta", 2)
    circuit.rx(Parameter("phi"), 0)
    circuit.ry(angles[0] + angles[1], 1)
    return circuit


@pytest.mark.parametrize(
    "values",
    [{"phi": 1, "theta": [0.25, 0.5]}, {"phi": "1", "theta[0]": 0.25, "theta[1]": 0.5}],
)
def test_parameters_are_bound_by_name(values: dict[str, object]) -> None:
    bound = bind(parametrised(), values, AT)
    assert not bound.parameters
    assert [float(item.operation.params[0]) for item in bound.data] == [1.0, 0.75]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"phi": 1}, "no value for: 'theta[0]', 'theta[1]'"),
        ({"phi": 1, "theta": [1, 2, 3]}, "no such parameter: 'theta[2]'"),
        ({"phi": 1, "theta": [1, 2], "tau": 3}, "no such parameter: 'tau'"),
        ({"phi": float("nan"), "theta": [1, 2]}, "parameter 'phi' is 'nan'"),
        ({"phi": "inf", "theta": [1, 2]}, "parameter 'phi' is 'inf'"),
        ({"phi": True, "theta": [1, 2]}, "parameter 'phi' is 'True'"),
        ({"phi": [1], "theta": [1, 2]}, "parameter 'phi' is '[1]'"),
        ({"phi": 10**400, "theta": [1, 2]}, "parameter 'phi' is '1000"),
    ],
)
def test_what_does_not_fit_the_parameters_is_named(values: dict[str, object], says: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        bind(parametrised(), values, AT)
    assert caught.value.problems[0].code == "circuit-parameters"
    assert says in caught.value.problems[0].message


def test_values_that_a_function_used_are_no_parameters() -> None:
    assert bind(bell(), {"n": 2}, AT, used={"n"}) == bell()


# ---- what a circuit is


def test_a_circuit_without_a_measurement_has_no_outcomes() -> None:
    with pytest.raises(LlmgateError, match="measure_all") as caught:
        check_measured(QuantumCircuit(2, 2), AT)
    assert caught.value.problems[0].code == "circuit-no-measurement"
    check_measured(bell(), AT)


def test_a_measurement_inside_control_flow_counts() -> None:
    circuit = QuantumCircuit(1, 2)
    with circuit.if_test((circuit.clbits[0], 0)):
        circuit.measure(0, 1)
    check_measured(circuit, AT)


def test_bits_outside_of_registers_cannot_be_read() -> None:
    """Aer does not print them: a register of one bit and one loose bit give outcomes of one character."""
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1))
    circuit.add_bits([Clbit()])
    circuit.measure([0, 1], [0, 1])
    with pytest.raises(LlmgateError) as caught:
        check_measured(circuit, AT)
    assert caught.value.problems[0].code == "circuit-registers"


def test_what_must_be_run_shot_by_shot_is_dynamic() -> None:
    again, reset, feedback = bell(), bell(), QuantumCircuit(2, 2)
    again.measure(0, 1)
    reset.reset(0)
    feedback.measure(0, 0)
    with feedback.if_test((feedback.clbits[0], 1)):
        feedback.x(1)
    assert [is_dynamic(circuit) for circuit in (bell(), again, reset, feedback)] == [False, True, True, True]


def test_rotations_by_quarter_turns_are_clifford() -> None:
    circuit = bell()
    circuit.rz(1.5707963267948966, 0)
    assert is_clifford(circuit)
    circuit.t(0)
    assert not is_clifford(circuit)


def test_a_barrier_uses_no_qubit() -> None:
    circuit = QuantumCircuit(4)
    circuit.x(2)
    circuit.barrier()
    assert used_qubits(circuit) == (2,)


@pytest.mark.skipif(not PAIRS.is_dir(), reason="the pairs of circuits are kept outside of the repository")
def test_all_collected_pairs_load() -> None:
    files = SuiteFiles(PAIRS, PAIRS)
    names = [entry["name"] for entry in json.loads((PAIRS / "index.json").read_text())]
    assert names
    for name in names:
        for half in ("fixed", "buggy"):
            check_measured(load_circuit(f"{name}/{half}.qasm", files, None), AT)
