"""The lab: one answer for one job, whatever it is run beside; caches that cannot harm; errors before harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from noisy_circuits import BRISBANE, FLAT, ghz, random_circuit, teleportation
from qiskit import QuantumCircuit
from qiskit.circuit import Gate

from pytest_llmgate.core.circuit import CircuitFailed, NoisePlan
from pytest_llmgate.core.codec import canonical
from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.quantum.cache import Kept
from pytest_llmgate.quantum.distribution import distance
from pytest_llmgate.quantum.keys import circuit_key
from pytest_llmgate.quantum.lab import Job, Lab
from pytest_llmgate.quantum.snapshots import snapshot_folder

MIXED = [
    *(Job(random_circuit(n, 3, seed=n), BRISBANE, scale) for n in (2, 5, 8) for scale in (1.0, 2.0)),
    Job(random_circuit(9, 2, seed=1)),
    Job(teleportation(0.4), FLAT),
    Job(ghz(13), BRISBANE),
]


def fingerprint(jobs: list[Job]) -> str:
    """All bytes of the answers."""
    found = Lab().exact(jobs)
    return canonical([None if one is None else [one.outcomes, one.p.tobytes().hex()] for one in found])


def test_a_batch_gives_the_same_bytes_as_one_by_one() -> None:
    together = Lab().exact(MIXED)
    for job, found in zip(MIXED, together, strict=True):
        (alone,) = Lab().exact([job])
        assert (alone is None) == (found is None)
        assert alone is None or (alone.outcomes == found.outcomes and alone.p.tobytes() == found.p.tobytes())


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "2"])
def test_another_process_with_other_threads_gives_the_same_bytes(threads: str) -> None:
    code = "import test_lab; print(test_lab.fingerprint(test_lab.MIXED))"
    variables = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parent, env={**os.environ, **variables},
    )  # fmt: skip
    assert done.stdout.strip() == fingerprint(MIXED)
    assert done.stderr == ""


def test_many_threads_get_the_answers_of_one() -> None:
    lab, jobs = Lab(), [Job(random_circuit(3, 2, seed=seed), FLAT) for seed in range(6)]

    def ask(number: int) -> tuple[object, object]:
        job = jobs[number % len(jobs)]
        wide = Job(ghz(13), FLAT, method="stabilizer")
        return lab.sample(job, 100, number), lab.sample(wide, 20, number)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(24)))
    assert answers == [ask(number) for number in range(24)]


def test_equal_jobs_of_a_batch_are_computed_once(tmp_path: Path) -> None:
    Lab(tmp_path).exact([Job(ghz(3), BRISBANE)] * 5 + [Job(ghz(3).copy(), BRISBANE)])
    assert len(list(tmp_path.iterdir())) == 1


def test_the_cache_gives_back_the_same_bytes(tmp_path: Path) -> None:
    job = Job(random_circuit(4, 3, seed=2), BRISBANE)
    (first,), (again,) = Lab(tmp_path).exact([job]), Lab(tmp_path).exact([job])
    assert first.outcomes == again.outcomes
    assert first.p.tobytes() == again.p.tobytes()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("0.", "0.9", 1),
        lambda text: "\n".join(["0" * 64, text.split("\n", 1)[1]]),
        lambda text: "[" * 100_000,
    ],
    ids=["empty", "cut", "changed", "no-checksum", "deep"],
)
def test_a_spoilt_cache_is_a_miss_and_is_mended(tmp_path: Path, spoil: object) -> None:
    job = Job(ghz(3), BRISBANE)
    (right,) = Lab(tmp_path).exact([job])
    (file,) = tmp_path.iterdir()
    good = file.read_text(encoding="utf-8")
    file.write_text(spoil(good), encoding="utf-8")
    (found,) = Lab(tmp_path).exact([job])
    assert found.as_dict() == right.as_dict()
    assert file.read_text(encoding="utf-8") == good


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("not a folder", encoding="utf-8")
    assert Lab(place / "cache").exact([Job(ghz(2), BRISBANE)])[0] is not None


def test_a_cached_answer_of_another_circuit_is_not_taken(tmp_path: Path) -> None:
    """A file that was copied under another key fails its checksum."""
    lab = Lab(tmp_path)
    lab.exact([Job(ghz(2), BRISBANE)])
    (file,) = tmp_path.iterdir()
    content = file.read_text(encoding="utf-8")
    file.unlink()
    lab.exact([Job(ghz(3), BRISBANE)])
    (other,) = tmp_path.iterdir()
    other.write_text(content, encoding="utf-8")
    assert len(Lab(tmp_path).exact([Job(ghz(3), BRISBANE)])[0].outcomes) == 8


def test_what_is_kept_in_memory_is_bounded() -> None:
    kept: Kept[str] = Kept(10)
    for number in range(5):
        kept.put(number, str(number), size=4)
    assert [number in kept for number in range(5)] == [False, False, False, True, True]
    kept.put(9, "larger than all", size=99)
    assert kept.get(9) == "larger than all"


def test_keys_tell_apart_what_compiles_differently() -> None:
    plain = QuantumCircuit(2, 2)
    plain.x(0)
    plain.x(0)
    fenced = QuantumCircuit(2, 2)
    fenced.x(0)
    fenced.barrier(0)
    fenced.x(0)
    turned, other, branching = plain.copy(), plain.copy(), plain.copy()
    turned.rx(0.1, 0)
    other.rx(0.1 + 1e-15, 0)
    with branching.if_test((branching.clbits[0], 1)):
        branching.x(1)
    opposite = plain.copy()
    with opposite.if_test((opposite.clbits[0], 0)):
        opposite.x(1)
    keys = [circuit_key(circuit) for circuit in (plain, fenced, turned, other, branching, opposite)]
    assert len(set(keys)) == len(keys)
    renamed = QuantumCircuit(2, 2, name="another name")
    renamed.x(0)
    renamed.x(0)
    assert circuit_key(renamed) == keys[0]


def test_gates_behind_a_barrier_are_not_optimised_away() -> None:
    """Two gates that would cancel suffer their noise where a barrier keeps them apart."""
    plain, fenced = QuantumCircuit(1, 1), QuantumCircuit(1, 1)
    for circuit in (plain, fenced):
        circuit.x(0)
        if circuit is fenced:
            circuit.barrier(0)
        circuit.x(0)
        circuit.measure(0, 0)
    noise = NoisePlan(params={"depolarizing_1q": 0.1})
    found = Lab().exact([Job(plain, noise), Job(fenced, noise)])
    assert found[0].as_dict() == {"0": 1.0}
    assert found[1].as_dict()["1"] == pytest.approx(0.5 * (1 - 0.9**2))


def test_sampling_is_reproducible_chunk_by_chunk() -> None:
    job = Job(ghz(14), BRISBANE, method="matrix_product_state")
    first, again, other = (Lab().sample(job, 20, seed) for seed in (5, 5, 6))
    assert first == again
    assert first.counts != other.counts
    assert first.method == "matrix_product_state"
    assert sum(first.counts.values()) == 20


@pytest.mark.parametrize("noise", [None, FLAT], ids=["ideal", "noisy"])
def test_every_method_draws_the_same_distribution(noise: NoisePlan | None) -> None:
    """2,000 shots of GHZ-3 by each: P(all alike) within 4 standard errors of the exact one."""
    lab = Lab()
    (exact,) = lab.exact([Job(ghz(3), noise)])
    alike = exact.as_dict()["000"] + exact.as_dict()["111"]
    for method in ("automatic", "statevector", "density_matrix", "matrix_product_state", "stabilizer"):
        counts = lab.sample(Job(ghz(3), noise, method=method), 2000, 3).counts
        share = (counts["000"] + counts["111"]) / 2000
        assert abs(share - alike) <= 4 * (alike * (1 - alike) / 2000) ** 0.5, method


def test_gates_that_a_method_does_not_know_are_translated() -> None:
    """A controlled rotation, a custom state and a unitary, by every method that is not for Clifford circuits only."""
    circuit = QuantumCircuit(3)
    circuit.initialize([0, 1], 0)
    circuit.crz(0.3, 0, 1)
    circuit.crx(3.141592653589793, 0, 1)
    circuit.unitary([[0, 1], [1, 0]], [2])
    circuit.measure_all()
    for method in ("statevector", "density_matrix", "matrix_product_state", "extended_stabilizer"):
        assert dict(Lab().sample(Job(circuit, method=method), 5, 1).counts) == {"111": 5}, method


def test_a_simulator_that_fails_gives_no_shots() -> None:
    """Kraus noise is beyond this method: an error that says so, never counts."""
    with pytest.raises(CircuitFailed, match=r"Aer failed: .*extended_stabilizer"):
        Lab().sample(Job(ghz(5), BRISBANE, method="extended_stabilizer"), 10, 1)


def test_a_gate_without_a_definition_is_named() -> None:
    circuit = QuantumCircuit(1)
    circuit.append(Gate("mystery", 1, []), [0])
    circuit.measure_all()
    for noise in (None, BRISBANE):
        with pytest.raises(LlmgateError, match="mystery") as caught:
            Lab().exact([Job(circuit, noise)])
        assert caught.value.problems[0].code == "circuit-untranslatable"


def test_a_delay_without_a_unit_of_time_is_refused_under_noise() -> None:
    circuit = QuantumCircuit(1)
    circuit.delay(100, 0)
    circuit.measure_all()
    with pytest.raises(LlmgateError, match="a delay in 'dt' has no length"):
        Lab().exact([Job(circuit, BRISBANE)])


def test_wide_circuits_are_drawn_by_the_method_that_can() -> None:
    lab = Lab()
    assert lab.sample(Job(ghz(60)), 50, 1).method == "stabilizer"
    assert lab.sample(Job(ghz(30), BRISBANE), 4, 1).method == "matrix_product_state"


def test_too_wide_is_told_before_memory_is_taken() -> None:
    job = Job(ghz(50), NoisePlan(params={"readout": 0.1}, where=Where("q.suite.yaml", 9)), method="statevector")
    lab = Lab()
    with pytest.raises(LlmgateError, match=r"q.suite.yaml:9: 50 qubits by statevector take 16 PiB") as caught:
        lab.sample(job, 10, 1)
    assert caught.value.problems[0].code == "circuit-too-wide"
    assert sum(lab.sample(Job(ghz(5), BRISBANE), 10, 1).counts.values()) == 10


def test_stabilizer_is_refused_where_it_would_be_wrong() -> None:
    with pytest.raises(LlmgateError, match="simulates Clifford circuits"):
        Lab().sample(Job(random_circuit(2, 1, seed=0), method="stabilizer"), 10, 1)


def test_a_job_is_described_in_json() -> None:
    lab = Lab()
    facts = lab.describe(Job(ghz(5), BRISBANE))
    assert json.loads(json.dumps(facts)) == facts
    assert facts["method"] == "exact"
    assert facts["two_qubit_gates"] == 4
    assert len(facts["layout"]) == 5
    assert facts["noise"] == "brisbane (2025-02-26)"
    assert facts["memory_bytes"] == 16 * 4**5
    assert facts["transpile_digest"] == lab.transpile_digest(Job(ghz(9), BRISBANE, 2.0))
    ideal = lab.describe(Job(ghz(5)))
    assert (ideal["noise_digest"], ideal["transpile_digest"], ideal["layout"]) == ("none", "none", None)
    assert lab.describe(Job(ghz(40)))["method"] == "stabilizer"
    assert lab.describe(Job(teleportation(0.1), BRISBANE))["method"] == "exact"


def test_the_distance_that_noise_makes() -> None:
    noisy, ideal, wide = Lab().exact([Job(ghz(5), BRISBANE), Job(ghz(5)), Job(ghz(13), BRISBANE)])
    assert 0.02 < distance(noisy, ideal) < 0.2
    assert wide is None


def test_snapshot_files_are_relative_to_the_suite(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    text = (snapshot_folder() / "manila.json").read_text(encoding="utf-8").replace('"manila"', '"mine"')
    (tmp_path / "suites" / "mine.json").write_text(text, encoding="utf-8")
    lab = Lab(files=SuiteFiles(tmp_path, tmp_path))
    job = Job(ghz(3), NoisePlan(snapshot="mine.json", where=Where("suites/q.suite.yaml", 3)))
    assert lab.describe(job)["noise"].startswith("mine ")


def test_more_noise_is_further_from_the_ideal() -> None:
    ideal, *levels = Lab().exact([Job(ghz(4)), *(Job(ghz(4), BRISBANE, scale) for scale in (0.0, 1.0, 2.0, 3.0))])
    distances = [distance(found, ideal) for found in levels]
    assert distances[0] == pytest.approx(0.0, abs=1e-9)
    assert distances == sorted(distances)


def test_a_loop_that_may_never_end_is_refused_and_not_run() -> None:
    """Sampled shot by shot, a loop whose condition stays as it is would hang the run."""
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 0)):
        circuit.measure(0, 0)
    with pytest.raises(LlmgateError, match="circuit-endless"):
        Lab().sample(Job(circuit), 10, 1)
