"""Error rates of the whole engine: 64 trials in flight, failures three times slower than passes.

Time is simulated: the engine's own loop runs, but its clock jumps to the next event instead of sleeping. Seeds are
fixed, so nothing here can flake; a false alarm when seeds are changed has a probability of about 0.003 a comparison.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.decision import Outcome, Rule, Tally
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.core.trial import Trial, TrialKeys
from pytest_llmgate.engine.gate import GateFold
from pytest_llmgate.engine.judge import Judge
from pytest_llmgate.engine.run import TestRun
from pytest_llmgate.engine.runner import Engine
from pytest_llmgate.engine.stream import TestStream
from pytest_llmgate.stats.planning import choose_rule

GOOD, BAD, NOMINAL = 0.95, 0.90, 0.05
RUNS, COMPARED = 2_000, 500
IN_FLIGHT, SLOWER = 64, 3.0
CASES = tuple(Case(id=f"c{number}") for number in range(20))
GATE = GatePlan(name="good", type="good", good=GOOD, bad=BAD)


class JumpingClock(asyncio.SelectorEventLoop):
    """An event loop whose time is simulated: it never sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Impatient(self))

    def time(self) -> float:
        return self.now


class _Impatient(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    def __init__(self, loop: JumpingClock) -> None:
        super().__init__()
        self._clock = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0:
            self._clock.now += timeout
            timeout = 0.0
        return super().select(timeout)


def drawn(trial: Trial, rate: float) -> tuple[bool, float]:
    """Whether a trial is good, and how long it takes: both from its seed alone."""
    first, second = trial.seed >> 26, trial.seed & ((1 << 26) - 1)
    good = first < rate * (1 << 27)
    return good, (0.5 - math.log((second + 0.5) / (1 << 26))) * (1.0 if good else SLOWER)


class Subject:
    """Answers with simulated latency."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    async def sample(self, trial: Trial) -> Observation:
        good, seconds = drawn(trial, self.rate)
        await asyncio.sleep(seconds)
        return _SAID[good]


_SAID = {True: Observation(Reply("good")), False: Observation(Reply("bad"))}


class Says:
    def measure(self, case: Case, seen: Observation) -> Measurement:
        assert seen.reply is not None
        return _MEASURED[seen.reply.text]


_MEASURED = {"good": Measurement(True), "bad": Measurement(False)}


class Nothing:
    """A journal that keeps nothing: files are not what is measured here."""

    def append(self, record: TrialRecord, text: str | None, extra: Mapping[str, Any] | None = None) -> None:
        assert record.error is None


class Count(NamedTuple):
    """What many runs came to. used, sent: trials a run, counted and dispatched."""

    outcomes: Counter[Outcome]
    used: float
    sent: float


def plan(seed: int) -> TestPlan:
    return TestPlan(
        id="a.suite.yaml::t", suite="a", file="a.suite.yaml", kind="prompt", base=".", seed=seed, cases=CASES,
        gates=(GATE,), trials=5_000,
    )  # fmt: skip


def the_rule() -> Rule:
    return choose_rule(good=GOOD, bad=BAD).rule


def sampled(rate: float, runs: int, monkeypatch: pytest.MonkeyPatch) -> Count:
    """Run the engine many times."""
    monkeypatch.setattr("asyncio.new_event_loop", JumpingClock)
    rule, found, used, sent = the_rule(), Counter[Outcome](), 0, 0
    for seed in range(runs):
        test = plan(seed)
        window = TestStream(test, [GateFold(test.gates[0], rule)])
        run = TestRun(window, Judge(test, [Says()]), Nothing(), Subject(rate))
        engine = Engine(IN_FLIGHT)
        engine.submit(run)
        assert run.finished.wait(60)
        engine.close()
        decision = run.stream.gates[0].decision
        assert decision is not None
        found[decision.outcome] += 1
        used += run.stream.folded
        sent += run.stream.folded + run.overrun_trials
    return Count(found, used / runs, sent / runs)


def allowed(runs: int) -> float:
    return NOMINAL + 3 * math.sqrt(NOMINAL * (1 - NOMINAL) / runs)


@pytest.mark.slow
def test_a_good_build_is_blocked_no_more_often_than_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    count = sampled(GOOD, RUNS, monkeypatch)
    assert count.outcomes.total() == RUNS
    assert count.outcomes[Outcome.FAIL] / RUNS <= allowed(RUNS)
    assert count.outcomes[Outcome.INCONCLUSIVE] == 0
    assert count.sent <= 1.25 * count.used


@pytest.mark.slow
def test_a_bad_build_is_missed_no_more_often_than_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    count = sampled(BAD, RUNS, monkeypatch)
    assert count.outcomes[Outcome.PASS] / RUNS <= allowed(RUNS)
    assert count.outcomes[Outcome.INCONCLUSIVE] == 0
    assert count.sent <= 1.5 * count.used


def in_completion_order(rate: float, seed: int, rule: Rule) -> Outcome:
    """What law 1 forbids: the same trials, folded as they complete."""
    trials = TrialKeys(seed, "a.suite.yaml::t", tuple(case.id for case in CASES)).trials()
    under_way: list[tuple[float, int, bool]] = []
    now, tally = 0.0, Tally()
    while True:
        while len(under_way) < IN_FLIGHT:
            trial = next(trials)
            good, seconds = drawn(trial, rate)
            heapq.heappush(under_way, (now + seconds, trial.index, good))
        now, _, good = heapq.heappop(under_way)
        tally = tally.add(good)
        decision = rule.decide(tally)
        if decision is not None:
            return decision.outcome


def test_completion_order_would_have_missed_most_regressions() -> None:
    """Why law 1 exists: the fast passes come first, and the gate has passed before the failures arrive."""
    rule = the_rule()
    found = Counter(in_completion_order(BAD, seed, rule) for seed in range(COMPARED))
    assert found[Outcome.PASS] / COMPARED > 0.5


def test_the_engine_with_simulated_time_is_the_rule_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same trials one after another give the same verdicts, run by run."""
    monkeypatch.setattr("asyncio.new_event_loop", JumpingClock)
    rule = the_rule()
    for seed in range(25):
        test = plan(seed)
        window = TestStream(test, [GateFold(test.gates[0], rule)])
        run = TestRun(window, Judge(test, [Says()]), Nothing(), Subject(BAD))
        engine = Engine(IN_FLIGHT)
        engine.submit(run)
        assert run.finished.wait(60)
        engine.close()
        tally = Tally()
        for trial in TrialKeys(seed, test.id, tuple(case.id for case in CASES)).trials():
            tally = tally.add(drawn(trial, BAD)[0])
            decision = rule.decide(tally)
            if decision is not None and tally.n >= len(CASES):
                break
        assert (run.stream.gates[0].decision, run.stream.folded) == (decision, tally.n)
