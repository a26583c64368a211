"""What jobs say of themselves, in whatever words."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.providers import JobStatus
from qiskit.result import Counts

from pytest_llmgate.core.circuit import CircuitFailed
from pytest_llmgate.quantum.jobs import billed_seconds, metrics_of, normalised, provider_times
from pytest_llmgate.quantum.readout import backend_counts


class Theirs(enum.Enum):
    Completed = 3


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (JobStatus.INITIALIZING, "queued"),
        (JobStatus.VALIDATING, "queued"),
        ("QUEUED", "queued"),
        (JobStatus.RUNNING, "running"),
        ("Running", "running"),
        ("JobStatus.DONE", "done"),
        (Theirs.Completed, "done"),
        ("CANCELLED", "cancelled"),
        ("canceled", "cancelled"),
        (JobStatus.ERROR, "failed"),
        ("FAILED", "failed"),
        ("COFFEE BREAK", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_status_is_read_as_text_or_enum(status: object, state: str) -> None:
    assert normalised(status) == state


def test_all_of_qiskits_statuses_are_known() -> None:
    assert "unknown" not in {normalised(status) for status in JobStatus}


class Told:
    """A job that says what it billed."""

    def __init__(self, metrics: Any = None, usage: Any = None) -> None:
        self._metrics, self._usage = metrics, usage

    def metrics(self) -> Any:
        return self._metrics

    def usage(self) -> Any:
        if isinstance(self._usage, Exception):
            raise self._usage
        return self._usage


@pytest.mark.parametrize(
    ("metrics", "usage", "billed"),
    [
        ({"usage": {"status": "final", "qpu_charge_time_seconds": 2.5}}, 0, Decimal("2.5")),
        ({"usage": {"status": "pending"}}, 0, None),
        ({"usage": {"quantum_seconds": 3}}, 0, Decimal(3)),
        (None, 1.25, Decimal("1.25")),
        (None, None, None),
        (None, float("nan"), None),
        (None, -1, None),
        (None, ConnectionError("gone"), None),
        ("no mapping", True, None),
    ],
)
def test_billed_seconds_are_those_that_the_provider_tells(metrics: Any, usage: Any, billed: Decimal | None) -> None:
    """A usage of 0 that is still pending is not 0."""
    job = Told(metrics, usage)
    assert billed_seconds(job, metrics_of(job)) == billed


def test_a_job_without_figures_tells_nothing() -> None:
    assert metrics_of(object()) == {} and billed_seconds(object(), {}) is None


def test_queue_and_run_are_those_of_the_providers_clock() -> None:
    stamps = {"created": "2026-11-22T10:00:00Z", "running": "2026-11-22T10:00:42.5Z", "finished": None}
    assert provider_times({"timestamps": stamps}) == {"queue_s": 42.5}
    assert provider_times({"timestamps": {**stamps, "running": "2026-11-22T10:00:42"}}) == {}
    assert provider_times({"timestamps": "yesterday"}) == provider_times({}) == {}


class Result:
    def __init__(self, counts: Any) -> None:
        self._counts = counts

    def get_counts(self) -> Any:
        return self._counts


def two_registers() -> QuantumCircuit:
    return QuantumCircuit(ClassicalRegister(2, "a"), ClassicalRegister(1, "b"))


@pytest.mark.parametrize(
    "counts", [{"1 00": 3, "0 11": 1}, {"100": 3, "011": 1, "111": 0}, Counts({"1 00": 3, "0 11": 1})]
)
def test_counts_of_a_backend_with_or_without_spaces(counts: Any) -> None:
    assert backend_counts(Result(counts), two_registers(), 4) == {"1 00": 3, "0 11": 1}


@pytest.mark.parametrize(
    "counts",
    [
        {"1 00": 3}, {"1 00": 5}, {"00": 4}, {"0000": 4}, {"00 1": 4}, {"1 0 0": 4}, {"0x4": 4}, {"1 02": 4},
        {"1 00": 3.5, "0 11": 0.5}, {"1 00": 5, "0 11": -1}, [{"1 00": 4}, {"1 00": 4}], {},
    ],
)  # fmt: skip
def test_impossible_counts_are_an_error_and_never_silently_fewer(counts: Any) -> None:
    with pytest.raises(CircuitFailed) as caught:
        backend_counts(Result(counts), two_registers(), 4)
    assert caught.value.kind == "bad-result"


@given(st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 1)), st.integers(1, 50), min_size=1))
def test_spaces_change_nothing(drawn: dict[tuple[int, int], int]) -> None:
    spaced = {f"{b} {a:02b}": count for (a, b), count in drawn.items()}
    joined = {outcome.replace(" ", ""): count for outcome, count in spaced.items()}
    shots = sum(drawn.values())
    assert backend_counts(Result(joined), two_registers(), shots) == spaced
    assert backend_counts(Result(spaced), two_registers(), shots) == spaced
