"""The stand-in takes over for good, says so, and its shots are never mixed with those of the device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hardware_samples import Bench, Remote, bell

from pytest_llmgate.core.circuit import SWITCHED, CircuitBackend, CircuitFailed, HardwareBudget, ShotResult
from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.quantum.fallback import WithFallback


class StandIn:
    """A simulator."""

    live = False

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.closed = False

    def sample(self, circuit: Any, shots: int, seed: int, *, key: str) -> ShotResult:
        self.keys.append(key)
        return ShotResult({"0 0": shots}, "exact")

    def close(self) -> None:
        self.closed = True


class Both:
    """A test's two backends."""

    def __init__(self, primary: CircuitBackend) -> None:
        self.stand_in = StandIn()
        self.made = 0
        self.backend = WithFallback(primary, self._make)

    def _make(self) -> StandIn:
        self.made += 1
        return self.stand_in

    def draw(self, ordinal: int = 0) -> ShotResult:
        return self.backend.sample(bell(), 100, 7, key=f"bell#{ordinal}")

    def switch(self, ordinal: int = 0) -> str:
        with pytest.raises(CircuitFailed) as caught:
            self.draw(ordinal)
        assert (caught.value.kind, caught.value.fatal) == (SWITCHED, False)
        return caught.value.message


FAULTS = {
    "deadline": Remote({"statuses": ["QUEUED"]}),
    "job-failed": Remote({"statuses": ["ERROR"], "result": RuntimeError("the cryostat is warm")}),
    "job-cancelled": Remote({"statuses": ["CANCELLED"]}),
    "unknown-submission": Remote(lost=[ConnectionError("gone")], listed=False),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_device_that_cannot_be_had_is_replaced_for_good(tmp_path: Path, kind: str) -> None:
    bench = Bench(tmp_path, FAULTS[kind])
    both = Both(bench.hardware)
    assert both.switch().startswith("fell back, as")
    assert both.backend.reason is not None and both.backend.reason.startswith(f"{kind}: ")
    results = [both.draw(ordinal) for ordinal in range(3)]
    assert all(result.fallback for result in results) and both.stand_in.keys == ["bell#0", "bell#1", "bell#2"]
    assert bench.remote.posts == 1 and both.made == 1 and not both.backend.live


def test_a_device_that_is_not_approved_is_replaced_and_nothing_is_submitted(tmp_path: Path) -> None:
    """The suite declares what stands in where hardware may not be used; the verdict says so."""
    bench = Bench(tmp_path, Remote(), environ={})
    both = Both(bench.hardware)
    assert "LLMGATE_APPROVE_HARDWARE=1" in both.switch()
    assert both.draw().fallback and bench.remote.posts == 0


def test_shots_of_the_device_do_not_say_fallback_and_no_stand_in_is_built(tmp_path: Path) -> None:
    both = Both(Bench(tmp_path, Remote()).hardware)
    assert not both.draw().fallback and both.made == 0 and both.backend.live


def test_a_device_that_dies_in_the_middle_makes_the_stream_begin_again(tmp_path: Path) -> None:
    """The change is raised, not returned: the caller must drop what it has before it gets shots of another source."""
    both = Both(Bench(tmp_path, Remote({}, {}, {"statuses": ["QUEUED"]})).hardware)
    assert [both.draw(ordinal).fallback for ordinal in (0, 1)] == [False, False]
    both.switch(2)
    assert both.stand_in.keys == [], "nothing is drawn before the caller begins again"
    assert both.draw(0).fallback


def test_a_spent_budget_is_not_a_reason_to_ask_another_source(tmp_path: Path) -> None:
    """Whether it is spent depends on what the shots showed: a second source would be a second chance."""
    both = Both(Bench(tmp_path, Remote(), budget=HardwareBudget(shots=150)).hardware)
    both.draw(0)
    with pytest.raises(CircuitFailed) as caught:
        both.draw(1)
    assert caught.value.kind == "budget" and both.made == 0


def test_what_somebody_must_mend_is_not_papered_over(tmp_path: Path) -> None:
    with pytest.raises(CircuitFailed) as caught:
        Both(Bench(tmp_path, Remote({"result": "nonsense"})).hardware).draw()
    assert caught.value.kind == "bad-result"

    class Misspelt(StandIn):
        def sample(self, circuit: Any, shots: int, seed: int, *, key: str) -> ShotResult:
            raise problem("unknown-device", "there is no device 'ibm_brisbame'")

    both = Both(Misspelt())
    with pytest.raises(LlmgateError, match="ibm_brisbame"):
        both.draw()
    assert both.made == 0


def test_closing_closes_both(tmp_path: Path) -> None:
    both = Both(Bench(tmp_path, Remote(lost=[ConnectionError("gone")], listed=False)).hardware)
    both.switch()
    both.draw()
    both.backend.close()
    assert both.stand_in.closed
