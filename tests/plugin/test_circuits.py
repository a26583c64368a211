"""Circuits in a gated run: suites, markers, workers, baselines, deciding again, going on after a kill."""

from __future__ import annotations

import json

import numpy.fft
import pytest
import qiskit.qasm2
import qiskit.qasm3
import qiskit.transpiler.preset_passmanagers
import qiskit_aer.noise
import scipy.linalg
import scipy.special

from .conftest import Example, Ran

# Loaded once and for all: pytester forgets what is imported during a run, and these cannot be loaded twice.
KEPT = (numpy.fft, qiskit.qasm2, qiskit.qasm3, qiskit.transpiler, qiskit_aer.noise, scipy.linalg, scipy.special)

HEADER = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2]; creg c[2];\n'
BELL = f"{HEADER}h q[0]; cx q[0],q[1]; measure q -> c;\n"
BROKEN = f"{HEADER}h q[0]; measure q -> c;\n"

SUITE = """
    suite: q
    tests:
      - id: bell
        circuit: bell.qasm
        noise: manila
        screen: quick
        assert:
          - {type: distribution, reference: bell.qasm}
          - {type: success-probability, bitstrings: ["00", "11"], min_rate: 0.9, bad_rate: 0.8}
      - id: broken
        circuit: broken.qasm
        noise: manila
        assert: [{type: distribution, reference: bell.qasm}]
      - id: near-enough
        circuit: bell.qasm
        noise: {depolarizing_2q: 0.01}
        assert:
          - {type: distribution, expected: {"00": 0.5, "11": 0.5}, max_tvd: 0.1}
          - {type: expectation, observable: ZZ, min_value: 0.9, bad_value: 0.7}
"""
FILES = {"suites/q.suite.yaml": SUITE, "suites/bell.qasm": BELL, "suites/broken.qasm": BROKEN}
BASELINE = """
    suite: b
    tests:
      - id: bell
        circuit: bell.qasm
        noise: manila
        screen: quick
        assert: [{type: distribution, baseline: true}]
"""


@pytest.fixture
def quantum(example: Example) -> Example:
    return example.files(FILES)


def llmgate(example: Example, *arguments: str) -> tuple[int, str]:
    """The `llmgate` command in the example's folder."""
    from click.testing import CliRunner

    from pytest_llmgate.cli.commands import cli

    done = CliRunner().invoke(cli, list(arguments))
    return done.exit_code, done.output


def test_a_good_circuit_passes_and_a_broken_one_is_named(quantum: Example) -> None:
    ran = quantum.gate()
    assert ran.verdicts == {"bell": "pass", "broken": "fail", "near-enough": "pass"}
    gate = ran.gate("broken")
    assert gate["stop_reason"] == "boundary"
    assert any(cause["name"].startswith("cx q0,q1") for cause in gate["causes"])
    assert gate["tvd_interval"][0] <= gate["tvd"] <= gate["tvd_interval"][1]
    assert "most like: cx q0,q1" in ran.text


def test_a_chunk_can_be_drawn_again_from_its_record(quantum: Example) -> None:
    ran = quantum.gate()
    row = ran.rows("bell")[0]
    assert row["outcome"]["method"] == "exact"
    assert sum(row["outcome"]["counts"].values()) == row["outcome"]["shots"] == 64
    code, told = llmgate(quantum, "replay-trial", str(ran.folder), "suites/q.suite.yaml::bell", "0")
    assert code == 0, told
    assert "the same shots" in told


def test_a_circuits_row_says_what_a_reviewer_asks(quantum: Example) -> None:
    test = quantum.gate().test("bell")
    circuit = test["circuit"]
    assert (circuit["shape"]["two_qubit"], circuit["shape"]["depth"]) == (1, 3)
    assert circuit["digest"].startswith("sha256:")
    assert circuit["shots"] > 0
    assert test["usage"]["calls"] == 0
    gate = test["gates"][0]
    assert gate["headroom"] > 1
    assert gate["figures"]["hellinger_fidelity"]["interval"][1] <= 1
    assert gate["successes"] is None
    assert gate["threshold"] is None


def test_workers_change_nothing(quantum: Example) -> None:
    alone, shared = quantum.gate(), quantum.gate("-n2")
    assert alone.judged == shared.judged
    assert alone.rows() == shared.rows()


def test_a_run_is_decided_again_without_a_simulator(quantum: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = quantum.gate()
    for path in (quantum.path / "suites").glob("*.qasm"):
        path.unlink()
    code, told = llmgate(quantum, "regate", str(ran.folder), "--json")
    assert code == 1
    assert json.loads(told)["tests"] == ran.result["tests"]


def test_an_interrupted_run_goes_on_where_it_ended(quantum: Example) -> None:
    whole = quantum.gate()
    run = whole.folder
    lines = (run / "trials.jsonl").read_text().splitlines(keepends=True)
    # As a kill leaves it: half of the trials, no verdicts.
    (run / "trials.jsonl").write_text("".join(lines[: len(lines) // 2]))
    (run / "result.json").unlink()
    manifest = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**manifest, "finished": False}))
    again = quantum.gate("--llm-resume")
    assert again.judged == whole.judged


def test_another_seed_draws_other_shots(quantum: Example) -> None:
    one, other = quantum.gate("--llm-seed=1"), quantum.gate("--llm-seed=2")
    assert one.rows("bell")[0]["outcome"]["counts"] != other.rows("bell")[0]["outcome"]["counts"]


# ---- baselines


def propose_and_accept(example: Example, *options: str) -> Ran:
    ran = example.gate("--llm-baseline=propose", *options)
    code, told = llmgate(example, "baseline", "accept", "--reason", "first")
    assert code == 0, told
    return ran


def test_a_missing_baseline_compares_nothing_and_says_so(quantum: Example) -> None:
    quantum.files({"suites/q.suite.yaml": BASELINE})
    ran = quantum.gate()
    assert ran.gate("bell")["stop_reason"] == "new"
    assert ran.verdicts == {"bell": "pass"}
    assert "nothing was compared" in ran.text
    quantum.files({"suites/q.suite.yaml": f"    require_baseline: true{BASELINE}"})
    assert quantum.gate().verdicts == {"bell": "inconclusive"}


def test_an_accepted_baseline_is_compared_with(quantum: Example) -> None:
    quantum.files({"suites/q.suite.yaml": BASELINE})
    propose_and_accept(quantum)
    assert quantum.gate().gate("bell")["verdict"] == "pass"


def test_a_changed_circuit_is_compared_all_the_same_and_named(quantum: Example) -> None:
    quantum.files({"suites/q.suite.yaml": BASELINE})
    propose_and_accept(quantum)
    quantum.files({"suites/bell.qasm": BROKEN})
    gate = quantum.gate().gate("bell")
    assert gate["verdict"] == "fail"
    assert "circuit changed since the baseline" in gate["reason"]
    assert "cx: 1 → 0" in gate["reason"]


def test_changed_noise_makes_a_baseline_stale(quantum: Example) -> None:
    quantum.files({"suites/q.suite.yaml": BASELINE})
    propose_and_accept(quantum)
    quantum.files({"suites/q.suite.yaml": BASELINE.replace("manila", "torino")})
    gate = quantum.gate().gate("bell")
    assert (gate["verdict"], gate["stop_reason"]) == ("inconclusive", "stale")
    assert "stale baseline" in gate["reason"]


def test_other_registers_are_another_distribution(quantum: Example) -> None:
    quantum.files({"suites/q.suite.yaml": BASELINE})
    propose_and_accept(quantum)
    wider = BELL.replace("creg c[2]", "creg c[3]").replace(
        "measure q -> c", "measure q[0] -> c[0]; measure q[1] -> c[1]"
    )
    quantum.files({"suites/bell.qasm": wider})
    gate = quantum.gate().gate("bell")
    assert (gate["verdict"], gate["stop_reason"]) == ("fail", "widths")


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_proposal_is_the_same_whatever_the_workers(quantum: Example, workers: str) -> None:
    quantum.files({"suites/q.suite.yaml": BASELINE + BASELINE.split("tests:")[1].replace("id: bell", "id: twin")})
    alone = quantum.gate("--llm-baseline=propose").folder / "baseline.proposed.json"
    shared = quantum.gate("--llm-baseline=propose", workers).folder / "baseline.proposed.json"
    assert alone.read_bytes() == shared.read_bytes()


# ---- markers

MODULE = """
    import pytest
    from qiskit import QuantumCircuit

    def bell(missing=False):
        circuit = QuantumCircuit(2)
        circuit.h(0)
        if not missing:
            circuit.cx(0, 1)
        circuit.measure_all()
        return circuit

    @pytest.mark.circuit_distribution(expected={"00": 0.5, "11": 0.5}, screen="quick")
    def test_bell(): return bell()

    @pytest.mark.circuit_distribution(expected={"00": 0.5, "11": 0.5})
    def test_missing(): return bell(missing=True)

    @pytest.mark.circuit_distribution(expected={"00": 0.5, "11": 0.5}, max_tvd=0.1, noise="manila")
    def test_counts(circuit_run):
        return circuit_run(bell(), shots=4000)

    @pytest.mark.circuit_distribution(baseline=True, noise="manila", screen="quick")
    def test_baseline(): return bell()

    @pytest.mark.circuit_distribution(expected={"00": 1.0})
    def test_raises(): raise RuntimeError("no circuit today")

    @pytest.mark.circuit_distribution(expected={"00": 1.0})
    def test_nothing(): pass

    @pytest.mark.circuit_distribution(expected={"00": 1.0})
    def test_skipped(): pytest.skip("not now")

    @pytest.mark.circuit_distribution(expected={"00": 1.0})
    def test_trial(trial): return bell()
"""


def test_bodies_give_a_circuit_or_counts(example: Example) -> None:
    ran = example.files({"test_m.py": MODULE}).gate("test_m.py")
    assert ran.verdicts == {
        "test_bell": "pass", "test_missing": "fail", "test_counts": "pass", "test_baseline": "pass",
        "test_raises": "error", "test_nothing": "error", "test_trial": "error",
    }  # fmt: skip
    assert ran.gate("test_counts")["shots"] <= 4000
    assert "RuntimeError: no circuit today" in ran.test("test_raises")["problems"][0]
    assert "1 skipped" in ran.text


def test_without_the_gate_marked_circuits_are_skipped(example: Example) -> None:
    ran = example.files({"test_m.py": MODULE}).run("test_m.py")
    assert ran.summary == "8 skipped"


def test_given_counts_are_decided_again_as_they_were(example: Example) -> None:
    ran = example.files({"test_m.py": MODULE}).gate("test_m.py")
    code, told = llmgate(example, "regate", str(ran.folder), "--json")
    assert code == 1
    again = {test["id"]: test for test in json.loads(told)["tests"]}
    counted = ran.test("test_counts")
    assert again[counted["id"]] == counted


@pytest.mark.parametrize(
    ("counts", "verdict", "said"),
    [
        ((500, 500), "pass", "TVD 0 ("),
        ((800, 200), "fail", "at most 0.05 is ruled out"),
        ((575, 425), "inconclusive", "too few shots to tell 0.05 from 0.1: about 2,"),
    ],
)
def test_given_counts_are_looked_at_once_and_decide_what_they_can(
    example: Example, counts: tuple[int, int], verdict: str, said: str
) -> None:
    module = f"""
        import pytest
        @pytest.mark.circuit_distribution(expected={{"00": 0.5, "11": 0.5}}, max_tvd=0.05)
        def test_counts(): return {{"00": {counts[0]}, "11": {counts[1]}}}
    """
    ran = example.files({"test_m.py": module}).gate("test_m.py")
    gate = ran.gate("test_counts")
    assert (gate["verdict"], gate["shots"]) == (verdict, 1000)
    assert said in gate["reason"]
    _, told = llmgate(example, "regate", str(ran.folder), "--json")
    assert json.loads(told)["tests"][0]["gates"][0] == gate


def test_the_distance_of_given_counts_has_bounds_and_their_confidence(example: Example) -> None:
    module = """
        import pytest
        @pytest.mark.circuit_distribution(expected={"00": 0.5, "11": 0.5})
        def test_counts(): return {"00": 800, "11": 200}
    """
    gate = example.files({"test_m.py": module}).gate("test_m.py").gate("test_counts")
    assert 0.25 < gate["interval"][0] < 0.3 < gate["interval"][1]
    assert gate["confidence"] == [0.975, 0.975]


def test_a_marked_circuit_has_a_baseline_too(example: Example) -> None:
    example.files({"test_m.py": MODULE})
    ran = example.gate("test_m.py::test_baseline", "--llm-baseline=propose")
    code, told = llmgate(example, "baseline", "accept", "--reason", "first")
    assert code == 0, told
    assert (example.path / "test_m.baseline.json").is_file()
    again = example.gate("test_m.py::test_baseline")
    assert ran.gate("test_baseline")["stop_reason"] == "new"
    assert again.gate("test_baseline")["stop_reason"] == "boundary"


def test_markers_and_suites_judge_alike(example: Example) -> None:
    """The same circuit under the same gate needs about the same shots, and has the same alternatives."""
    example.files({**FILES, "test_m.py": MODULE})
    example.files(
        {
            "suites/q.suite.yaml": BASELINE.replace("baseline: true", 'expected: {"00": 0.5, "11": 0.5}').replace(
                "manila", "none"
            )
        }
    )
    ran = example.gate("suites", "test_m.py::test_bell")
    gates = ran.gate("bell"), ran.gate("test_bell")
    assert [gate["verdict"] for gate in gates] == ["pass", "pass"]
    assert {cause["name"] for cause in gates[0]["causes"]} == {cause["name"] for cause in gates[1]["causes"]}


# ---- bad input


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"suites/bell.qasm": f"{HEADER}h q[0];\n"}, "measure"),
        ({"suites/bell.qasm": f"{HEADER}h q[0]\ncx q[0],q[1];\n"}, "suites/bell.qasm:5"),
        ({"suites/bell.qasm": f"{HEADER}hadamard q[0]; measure q -> c;\n"}, "hadamard"),
        ({"suites/q.suite.yaml": SUITE.replace("manila", "marilla")}, "there is no noise snapshot 'marilla'"),
        ({"suites/q.suite.yaml": SUITE.replace('"00": 0.5', '"00": 0.6')}, "sum to 1.1"),
        ({"suites/q.suite.yaml": SUITE.replace('"00": 0.5', '"0": 0.5')}, "the register has 2"),
        ({"suites/q.suite.yaml": SUITE.replace('"00": 0.5', "00: 0.5")}, "not text"),
        ({"suites/q.suite.yaml": SUITE.replace("ZZ", "ZZZ")}, "no observable of 2 bits"),
        ({"suites/q.suite.yaml": SUITE.replace(", max_tvd: 0.1", "")}, "its exact TVD under this noise"),
        ({"suites/q.suite.yaml": SUITE.replace("max_tvd: 0.1", "max_tvd: 0.001")}, "cannot tell TVD 0.001 from 0.002"),
    ],
)
def test_bad_input_is_a_clear_error_and_never_a_pass(quantum: Example, files: dict[str, str], said: str) -> None:
    ran = quantum.files(files).gate()
    assert ran.code != 0
    assert said in " ".join(ran.text.split())
    assert ran.code == 2 or "error" in ran.verdicts.values()


def test_a_baseline_of_another_suite_is_refused(quantum: Example) -> None:
    quantum.files({"suites/q.suite.yaml": BASELINE})
    propose_and_accept(quantum)
    known = (quantum.path / "suites/q.baseline.json").read_text()
    (quantum.path / "suites/q.baseline.json").write_text(known.replace("q.suite.yaml", "other.suite.yaml"))
    ran = quantum.gate()
    assert ran.verdicts == {"bell": "error"}
    assert "suites/q.baseline.json:" in ran.text
