"""Circuits on devices in a gated run: approval, budgets, faults, stand-ins, and runs that go on or are decided again.

The device is a Qiskit backend of the example's own: it writes down what was submitted and cancelled, and plays the
fates that it is given by the number of the job.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from typing import Any

import pytest
import qiskit.primitives
import qiskit.providers.fake_provider
import scipy.stats

from .conftest import Example, Ran, wait_for
from .test_circuits import BELL, BROKEN, KEPT, llmgate

ALSO_KEPT = (*KEPT, qiskit.primitives, qiskit.providers.fake_provider, scipy.stats)
APPROVAL = "LLMGATE_APPROVE_HARDWARE"

DEVICE = '''
    import json
    from pathlib import Path

    from qiskit import QuantumCircuit
    from qiskit.providers import BackendV2, JobStatus, JobV1, Options
    from qiskit.providers.fake_provider import GenericBackendV2

    HERE = Path(__file__).parent
    STATUS = {"fails": JobStatus.ERROR, "waits": JobStatus.QUEUED}

    class Job(JobV1):
        def __init__(self, backend, number, drawn):
            super().__init__(backend, f"job-{number}")
            self.number, self.drawn = number, drawn

        def submit(self): pass

        def status(self):
            fate = fate_of(self.number)
            if fate == "deaf":
                raise ConnectionError("the line is dead")
            return STATUS.get(fate, JobStatus.DONE)

        def result(self):
            if fate_of(self.number) == "fails":
                raise RuntimeError("the cryostat is warm")
            return self.drawn.result()

        def cancel(self):
            with (HERE / "cancelled").open("a") as file:
                file.write(f"{self.number}\\n")

    class Device(BackendV2):
        """Perfect, but for its fates."""

        def __init__(self):
            super().__init__(name="ours")
            self._inside = GenericBackendV2(3, seed=1, noise_info=False)

        target = property(lambda self: self._inside.target)
        max_circuits = None

        @classmethod
        def _default_options(cls): return Options()

        def run(self, circuit, shots=1024, **options):
            with (HERE / "posted").open("a+") as file:
                file.seek(0)
                number = len(file.readlines())
                file.write(f"{shots}\\n")
            fate = fate_of(number)
            if fate == "few":
                shots -= 1
            if fate == "others":
                circuit = QuantumCircuit(3, 3)
                circuit.measure(range(3), range(3))
            return Job(self, number, self._inside.run(circuit, shots=shots, seed_simulator=7919 * (number + 1)))

    def fate_of(number):
        return json.loads((HERE / "fates.json").read_text()).get(str(number))

    def make(): return Device()
'''

TOLERANT = '{type: distribution, expected: {"00": 0.5, "11": 0.5}, max_tvd: 0.05}'
ALL_SHOTS = '{type: success-probability, bitstrings: ["00", "11"], min_rate: 0.9, bad_rate: 0.8, rule: fixed}'
OURS = '{provider: python, target: "device.py:make", budget: {shots: 8000}, deadline_s: 30, options: {poll_s: 0.05}}'
GENERIC = "{provider: generic, budget: {shots: 8000}}"
STAND_IN = "fallback: {backend: aer, noise: manila}"


def suite(
    *asserts: str, backend: str = OURS, shots: int = 4000, more: str = "", ids: tuple[str, ...] = ("bell",)
) -> str:
    """A suite of tests that ask the same of the same circuit. more: a further key of each."""
    lines = ["suite: q", "tests:"]
    for name in ids:
        keys = ["circuit: bell.qasm", f"backend: {backend}", f"shots: {shots}", more, f"assert: [{', '.join(asserts)}]"]
        lines += [f"  - id: {name}", *(f"    {key}" for key in keys if key)]
    return "\n".join(lines) + "\n"


class Lab:
    """An example project with the device. posted: shots of the jobs that it was sent."""

    def __init__(self, example: Example) -> None:
        self.example = example.files({"bell.qasm": BELL, "broken.qasm": BROKEN, "device.py": DEVICE})
        self.fates({})

    def suite(self, *asserts: str, **how: Any) -> Lab:
        self.example.files({"q.suite.yaml": suite(*asserts, **how)})
        return self

    def fates(self, fates: Mapping[int, str]) -> Lab:
        """What becomes of jobs, by number from 0; read anew at every look, so that a wait can end."""
        aside = self.example.path / "fates.new"
        aside.write_text(json.dumps(fates))
        aside.replace(self.example.path / "fates.json")
        return self

    def gate(self, *options: str) -> Ran:
        return self.example.gate(*options)

    @property
    def posted(self) -> list[int]:
        return self._numbers("posted")

    @property
    def cancelled(self) -> list[int]:
        return self._numbers("cancelled")

    @property
    def open(self) -> list[str]:
        """Reservations that nobody settled."""
        book = json.loads((self.example.path / ".llmgate/shots.json").read_text())
        return [tag for page in book["scopes"].values() for tag in page["open"]]

    def _numbers(self, name: str) -> list[int]:
        path = self.example.path / name
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []

    def regated(self, ran: Ran) -> dict[str, Any]:
        """The same run decided again, where neither circuits nor the device are to be had any more."""
        for path in [*self.example.path.glob("*.qasm"), self.example.path / "device.py"]:
            path.unlink()
        _, told = llmgate(self.example, "regate", str(ran.folder), "--json")
        return json.loads(told)


@pytest.fixture
def lab(example: Example, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv(APPROVAL, "1")
    return Lab(example)


# ---- a device that works


def test_a_good_device_passes_and_its_jobs_are_on_record(lab: Lab) -> None:
    ran = lab.suite(TOLERANT).gate()
    gate, test = ran.gate("bell"), ran.test("bell")
    assert gate["verdict"] == "pass" and gate["tvd_interval"][1] < gate["bad_tvd"]
    jobs = [row["outcome"]["job"] for row in ran.rows("bell")]
    assert [job["id"] for job in jobs] == [f"job-{number}" for number in range(len(jobs))]
    assert [job["shots"] for job in jobs] == lab.posted
    assert all(job["status"] == "done" and {"queued", "done"} <= set(job["at_s"]) for job in jobs)
    assert len({job["tag"] for job in jobs}) == len(jobs) == test["usage"]["calls"]
    assert lab.open == []
    assert "measured on python:device.py:make" in " ".join(ran.text.split())


def test_a_device_that_draws_something_else_fails(lab: Lab) -> None:
    lab.example.files({"bell.qasm": BROKEN})
    ran = lab.suite(TOLERANT).gate()
    assert ran.gate("bell")["verdict"] == "fail" and ran.code == 1


def test_how_the_jobs_scattered_stands_in_the_result(lab: Lab) -> None:
    (found,) = lab.suite(ALL_SHOTS).gate().test("bell")["circuit"]["variance"]
    assert (found["jobs"], found["shots"], found["unexpected"]) == (len(lab.posted), 4000, 0)
    for name in ("overall", "between"):  # a perfect device: shot noise alone, whose index is 1
        low, high = found[f"{name}_interval"]
        assert low <= 1 <= high


def test_equal_runs_of_a_simulated_device_are_judged_alike(lab: Lab) -> None:
    """Job ids and seconds are of one run only: they stand in trials.jsonl and nowhere in what is judged."""
    lab.suite(TOLERANT, ALL_SHOTS, backend=GENERIC, ids=("bell", "twin"))
    alone, again, shared = lab.gate(), lab.gate(), lab.gate("-n2")
    assert alone.judged == again.judged == shared.judged
    assert alone.verdicts == {"bell": "pass", "twin": "pass"}
    first, second = (run.rows("bell")[0]["outcome"] for run in (alone, again))
    assert first["counts"] == second["counts"] and first["job"]["tag"] != second["job"]["tag"]


def test_a_run_of_a_device_is_decided_again_without_it(lab: Lab) -> None:
    ran = lab.suite(TOLERANT, ALL_SHOTS).gate()
    assert lab.regated(ran)["tests"] == ran.result["tests"]


def cut_in_half(ran: Ran, keep: int) -> None:
    """A finished run as a kill leaves it: the first trials, no verdicts."""
    lines = (ran.folder / "trials.jsonl").read_text().splitlines(keepends=True)
    (ran.folder / "trials.jsonl").write_text("".join(lines[:keep]))
    (ran.folder / "result.json").unlink()
    manifest = json.loads((ran.folder / "run.json").read_text())
    (ran.folder / "run.json").write_text(json.dumps({**manifest, "finished": False}))


def test_a_killed_run_of_a_simulated_device_goes_on_to_the_same_verdict(lab: Lab) -> None:
    whole = lab.suite(TOLERANT, ALL_SHOTS, backend=GENERIC).gate()
    judged = whole.judged
    cut_in_half(whole, 2)
    assert lab.gate("--llm-resume").judged == judged


# ---- approval


def test_without_approval_nothing_is_submitted_and_the_test_is_an_error(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(APPROVAL)
    ran = lab.suite(TOLERANT).gate()
    assert ran.verdicts == {"bell": "error"} and ran.code == 1
    assert f"approve it with: {APPROVAL}=1 pytest --llm-suite" in " ".join(ran.text.split())
    assert lab.posted == []


def test_without_approval_the_stand_in_draws(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(APPROVAL)
    ran = lab.suite(ALL_SHOTS, more=STAND_IN).gate()
    assert ran.verdicts == {"bell": "pass"} and ran.test("bell")["circuit"]["fallback"] is True
    assert lab.posted == []


# ---- the budget


def test_the_budget_in_shots_is_spent_to_the_last_one_and_never_passed(lab: Lab) -> None:
    ran = lab.suite(ALL_SHOTS, backend=OURS.replace("8000", "2000")).gate()
    gate = ran.gate("bell")
    assert (gate["verdict"], gate["stop_reason"]) == ("inconclusive", "budget")
    assert ran.test("bell")["circuit"]["shots"] == sum(lab.posted) == 2000
    assert "the budget ended the run" in ran.text
    assert lab.regated(ran)["tests"] == ran.result["tests"]


def test_a_spent_budget_brings_no_stand_in(lab: Lab) -> None:
    """What is left of a budget depends on what the shots showed: a second source would be a second chance."""
    ran = lab.suite(ALL_SHOTS, backend=OURS.replace("8000", "2000"), more=STAND_IN).gate()
    assert ran.gate("bell")["stop_reason"] == "budget" and ran.test("bell")["circuit"]["fallback"] is False


def test_a_run_that_the_budget_ended_is_not_paid_again_when_it_goes_on(lab: Lab) -> None:
    lab.suite(ALL_SHOTS, backend=OURS.replace("8000", "2000"))
    first = lab.gate()
    again = lab.gate("--llm-resume")
    assert again.judged == first.judged and sum(lab.posted) == 2000


def test_runs_at_one_time_share_a_budget_whatever_their_workers(lab: Lab) -> None:
    lab.suite(ALL_SHOTS, backend=OURS.replace("8000", "4500")).fates({2: "waits"})
    first = lab.example.start("-n1")
    wait_for(lambda: len(lab.posted) == 3, "the third job")
    second = lab.gate("-n1")
    assert second.gate("bell")["stop_reason"] == "budget"
    lab.fates({})
    first = lab.example.end(first)
    assert first.code != 0
    assert sum(lab.posted) <= 4500


# ---- faults


@pytest.mark.parametrize(
    ("fate", "kind", "said"),
    [
        ("fails", "job-failed", "the cryostat is warm"),
        ("deaf", "deadline", "no result within 1 s"),
        ("few", "bad-result", "shots came back"),
        ("others", "bad-result", "000"),
    ],
)
def test_a_device_that_fails_midway_is_an_error_and_never_a_pass(lab: Lab, fate: str, kind: str, said: str) -> None:
    lab.suite(ALL_SHOTS, backend=OURS.replace("deadline_s: 30", "deadline_s: 1")).fates({1: fate})
    ran = lab.gate()
    assert ran.verdicts == {"bell": "error"} and ran.code == 1
    assert said in " ".join(ran.test("bell")["problems"]) and said in " ".join(ran.text.split())
    good, bad = ran.rows("bell")
    assert good["error"] is None and bad["error"].startswith(f"{kind}: ")
    assert bad["outcome"]["job"]["id"] == "job-1"
    assert len(lab.posted) == 2 and lab.open == []
    assert lab.regated(ran)["tests"] == ran.result["tests"]


def test_after_a_deadline_no_other_test_submits_to_that_device(lab: Lab) -> None:
    lab.suite(ALL_SHOTS, backend=OURS.replace("deadline_s: 30", "deadline_s: 1"), ids=("bell", "later"))
    ran = lab.fates({0: "waits"}).gate("--llm-concurrency=1")
    assert ran.verdicts == {"bell": "error", "later": "error"}
    assert len(lab.posted) == 1 and lab.cancelled == [0]
    assert "not submitted, after: " in ran.test("later")["problems"][0]


# ---- the stand-in


def test_the_stand_in_begins_anew_and_says_so_everywhere(lab: Lab) -> None:
    ran = lab.suite(TOLERANT, ALL_SHOTS, more=STAND_IN).fates({2: "fails"}).gate()
    test = ran.test("bell")
    assert test["circuit"]["fallback"] is True and test["usage"]["calls"] == 0
    assert "variance" not in test["circuit"], "a stand-in has no jobs"
    assert "fallback: not drawn on python:device.py:make, but by its stand-in" in " ".join(ran.text.split())
    assert "but by its stand-in" in (ran.folder / "report.html").read_text()
    rows = ran.rows("bell")
    switch = next(place for place, row in enumerate(rows) if row["error"] is not None)
    assert (
        switch == 2
        and rows[2]["error"].startswith("switched: fell back")
        and rows[2]["outcome"]["job"]["id"] == "job-2"
    )
    assert all(row["outcome"].get("fallback") for row in rows[3:])
    assert sum(row["outcome"]["shots"] for row in rows[3:]) == test["circuit"]["shots"] == 4000
    assert len(lab.posted) == 3 and lab.open == []


def test_a_run_that_fell_back_is_decided_again_the_same(lab: Lab) -> None:
    ran = lab.suite(TOLERANT, ALL_SHOTS, more=STAND_IN).fates({1: "fails"}).gate()
    assert lab.regated(ran)["tests"] == ran.result["tests"]


def test_a_run_that_fell_back_and_was_killed_stays_with_the_stand_in(lab: Lab) -> None:
    """The device may be there again: its shots would be mixed with those of the stand-in."""
    whole = lab.suite(ALL_SHOTS, more=STAND_IN).fates({1: "fails"}).gate()
    judged, posted = whole.judged, lab.posted
    cut_in_half(whole, 3)
    lab.fates({})
    assert lab.gate("--llm-resume").judged == judged
    assert lab.posted == posted


# ---- Ctrl-C


def test_ctrl_c_cancels_and_settles_and_the_run_goes_on_later(lab: Lab) -> None:
    lab.suite(ALL_SHOTS).fates({1: "waits"})
    process = lab.example.start()
    wait_for(lambda: len(lab.posted) == 2, "the second job")
    process.send_signal(signal.SIGINT)
    ran = lab.example.end(process)
    assert ran.gate("bell")["stop_reason"] == "interrupted"
    assert lab.cancelled == [1] and lab.open == []
    _, cut = ran.rows("bell")
    assert cut["error"].startswith("interrupted: ") and cut["outcome"]["job"]["status"] == "cancelled"
    code, told = llmgate(lab.example, "regate", str(ran.folder), "--json")
    assert code == 3, told
    assert json.loads(told)["tests"] == ran.result["tests"]
    again = lab.fates({}).gate("--llm-resume")
    assert again.verdicts == {"bell": "pass"}, again.text
    assert again.test("bell")["circuit"]["shots"] == 4000
    assert len(again.rows("bell")) == 4 and all(row["error"] is None for row in again.rows("bell"))
    assert sum(lab.posted) == 4000 + lab.posted[1], "the cancelled job alone is drawn a second time"


# ---- test bodies that ask the device themselves

MODULE = """
    import pytest
    from qiskit import QuantumCircuit

    def bell():
        circuit = QuantumCircuit(2)
        circuit.h(0)
        circuit.cx(0, 1)
        circuit.measure_all()
        return circuit

    ON_DEVICE = dict(
        backend={"provider": "python", "target": "device.py:make", "budget": {"shots": 8000},
                 "options": {"usd_per_shot": "0.001"}},
        fallback={"backend": "aer", "noise": "manila"}, expected={"00": 0.5, "11": 0.5}, max_tvd=0.1,
    )

    @pytest.mark.circuit_distribution(**ON_DEVICE)
    def test_once(circuit_run): return circuit_run(bell(), shots=2000)

    @pytest.mark.circuit_distribution(**ON_DEVICE)
    def test_twice(circuit_run):
        one, other = circuit_run(bell(), shots=1000), circuit_run(bell(), shots=1000)
        return {name: one.get(name, 0) + other.get(name, 0) for name in {*one, *other}}
"""


def test_jobs_of_a_body_are_on_record_and_billed(lab: Lab) -> None:
    lab.example.files({"test_m.py": MODULE})
    ran = lab.gate("test_m.py::test_twice")
    assert ran.verdicts == {"test_twice": "pass"}
    first = ran.rows("test_twice")[0]["outcome"]
    assert [job["id"] for job in first["job"]["jobs"]] == ["job-0", "job-1"]
    usage = ran.test("test_twice")["usage"]
    assert (usage["calls"], usage["cost_usd"]) == (2, "2.000")
    assert lab.regated(ran)["tests"] == ran.result["tests"]


def test_counts_of_a_stand_in_are_marked(lab: Lab) -> None:
    lab.example.files({"test_m.py": MODULE})
    ran = lab.fates({0: "fails"}).gate("test_m.py::test_once")
    test = ran.test("test_once")
    assert test["verdict"] == "pass" and test["circuit"]["fallback"] is True
    assert "were not drawn on the device, but by its stand-in" in " ".join(ran.text.split())
    assert lab.regated(ran)["tests"] == ran.result["tests"]


def test_a_body_never_holds_shots_of_both(lab: Lab) -> None:
    lab.example.files({"test_m.py": MODULE})
    ran = lab.fates({1: "fails"}).gate("test_m.py::test_twice")
    assert ran.verdicts == {"test_twice": "error"}
    assert "switched: fell back" in ran.test("test_twice")["problems"][0]


# ---- baselines

BASELINE = "{type: distribution, baseline: true}"


def accepted(lab: Lab) -> dict[str, Any]:
    """The one entry of the baseline file after a proposal was accepted."""
    lab.gate("--llm-baseline=propose")
    code, told = llmgate(lab.example, "baseline", "accept", "--reason", "first")
    assert code == 0, told
    book = json.loads((lab.example.path / "q.baseline.json").read_text())
    return book["tests"]["q.suite.yaml::bell"]["distribution"][""]


def test_a_device_proposes_counts_and_is_held_against_them(lab: Lab) -> None:
    entry = accepted(lab.suite(BASELINE))
    assert entry["kind"] == "counts" and entry["total"] == sum(entry["outcomes"].values()) == 4000
    good = lab.gate()
    assert good.gate("bell")["verdict"] == "pass" and good.gate("bell")["p_value"] > 0.01
    assert "the baseline's 4,000 shots" in good.gate("bell")["reason"]
    lab.example.files({"bell.qasm": BROKEN})
    bad = lab.gate().gate("bell")
    assert bad["verdict"] == "fail" and "circuit changed since the baseline" in bad["reason"]


def test_a_stand_in_proposes_nothing(lab: Lab) -> None:
    ran = lab.suite(BASELINE, more=STAND_IN).fates({0: "fails"}).gate("--llm-baseline=propose")
    assert ran.test("bell")["circuit"]["fallback"] is True
    code, told = llmgate(lab.example, "baseline", "accept", "--reason", "first")
    assert code != 0 and not (lab.example.path / "q.baseline.json").exists(), told
