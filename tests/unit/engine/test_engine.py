"""The engine with several tests at once: concurrency, threads, deadlines, faults, the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from engine_samples import Pages, gate, outcomes, plan, said, stream
from engine_samples import make_run as make

from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.decide import decide_test
from pytest_llmgate.engine.run import TestRun
from pytest_llmgate.engine.runner import Engine

LONG = 30.0  # seconds: nothing here takes that long unless it is broken
FIXED = gate(rule="fixed")


class Answers:
    """A subject whose trials wait until `go` is set. most: the most of them that were in flight at once."""

    def __init__(self, go: bool = True, text: str = "good") -> None:
        self.go = go
        self.text = text
        self.in_flight = self.most = self.asked = 0
        self.waiting: list[asyncio.Event] = []
        self.reached = threading.Event()
        self.wanted = 1_000_000

    async def sample(self, trial: Trial) -> Observation:
        self.asked += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        if self.in_flight >= self.wanted:
            self.reached.set()
        try:
            if self.go:
                await asyncio.sleep(0)
            else:
                event = asyncio.Event()
                self.waiting.append(event)
                await event.wait()
        finally:
            self.in_flight -= 1
        return said(self.text)

    def release(self) -> None:
        """In the engine's loop: let everybody go on, now and later."""
        self.go = True
        for event in self.waiting:
            event.set()


class Calls:
    """A blocking subject made of a function."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def sample_now(self, trial: Trial) -> Observation:
        return self.answer(trial)  # type: ignore[no-any-return, operator]


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(8)
    yield made
    made.close()


def ended(*runs: TestRun) -> None:
    for run in runs:
        assert run.finished.wait(LONG), "the test never came to its end"


def in_loop(engine: Engine, action: object) -> None:
    async def act() -> None:
        action()  # type: ignore[operator]

    engine.call(act())


def test_a_test_is_sampled_to_its_decision(engine: Engine) -> None:
    run = make(plan(), Answers())
    engine.submit(run)
    ended(run)
    assert outcomes(run.stream) == ["pass boundary"]
    assert engine.clock.first <= engine.clock.last


def test_concurrency_is_kept_over_several_tests_and_used_up_in_order(engine: Engine) -> None:
    """5 + 8 trials could be in flight; 8 may be, and the first test gets its 5."""
    first, second = Answers(go=False), Answers(go=False)
    second.wanted = 3
    runs = make(plan(FIXED, trials=5), first), make(plan(FIXED, trials=50, id="b::u"), second)
    for run in runs:
        engine.submit(run)
    assert second.reached.wait(LONG)
    assert (first.in_flight, second.in_flight) == (5, 3)
    in_loop(engine, lambda: (first.release(), second.release()))
    ended(*runs)
    assert second.most <= 8
    assert [run.stream.folded for run in runs] == [5, 50]


def test_without_look_ahead_one_trial_at_a_time(engine: Engine) -> None:
    subject = Answers()
    run = make(plan(FIXED, trials=20), subject, look_ahead=False)
    engine.submit(run)
    ended(run)
    assert (subject.most, subject.asked) == (1, 20)


def test_overrun_trials_are_recorded_and_not_counted() -> None:
    """Three bad trials decide; what else was in flight, or had come before its turn, is no evidence."""
    journal, subject = Pages(), Answers(go=False, text="bad")
    subject.wanted = 8
    engine, run = Engine(8), make(plan(), subject, journal)
    engine.submit(run)
    assert subject.reached.wait(LONG)
    in_loop(engine, subject.release)
    ended(run)
    engine.close()
    assert run.stream.folded == 3
    assert len(journal.rows) == subject.asked >= 8
    assert run.overrun_trials == len(journal.rows) - 3
    assert decide_test(run.stream).gates[0].n_all == 3


def test_a_trial_that_waited_for_its_turn_in_vain_is_overrun_too() -> None:
    run = make(plan(), None)
    taken = [run.take() for _ in range(8)]
    for trial in taken[4:] + taken[:4]:
        assert trial is not None
        run.complete(trial, said("bad"))
    assert (run.stream.folded, run.overrun_trials) == (3, 5)


def test_close_waits_for_what_is_in_flight_after_the_decision() -> None:
    """It was paid: it is recorded."""
    gone, release = threading.Event(), threading.Event()
    journal = Pages()

    async def sample(trial: Trial) -> Observation:
        if trial.index == 3:
            gone.set()
            await asyncio.get_running_loop().run_in_executor(None, release.wait, LONG)
        return said("bad")

    subject = Answers()
    subject.sample = sample  # type: ignore[method-assign]
    engine, run = Engine(8), make(plan(), subject, journal)
    engine.submit(run)
    ended(run)
    assert gone.wait(LONG)
    release.set()
    engine.close()
    assert 3 in {row.trial.index for row in journal.rows}


def test_close_waits_for_blocking_trials_too() -> None:
    begun, release, journal = threading.Event(), threading.Event(), Pages()

    def answer(trial: Trial) -> Observation:
        if trial.index == 3:
            begun.set()
            release.wait(LONG)
        elif trial.index < 3:
            begun.wait(LONG)  # the fourth is under way before the first three decide
        return said("bad")

    engine, run = Engine(8), make(plan(), Calls(answer), journal)
    run.slow = True
    engine.submit(run)
    ended(run)
    threading.Timer(0.05, release.set).start()
    engine.close()
    assert 3 in {row.trial.index for row in journal.rows}


def test_close_leaves_no_open_loop(engine: Engine) -> None:
    run = make(plan(), Answers())
    engine.submit(run)
    ended(run)
    loop = engine._loop
    assert loop is not None
    engine.close()
    assert loop.is_closed()
    engine.close()


def test_closers_run_in_the_loop_that_opened_what_they_close() -> None:
    engine, seen = Engine(1), list[object]()

    async def here() -> object:
        return asyncio.get_running_loop()

    async def closer() -> None:
        seen.append(asyncio.get_running_loop())

    loop = engine.call(here())
    engine.close(closer)
    assert seen == [loop]


def test_stop_ends_what_waits_for_ever(engine: Engine) -> None:
    subject = Answers(go=False)
    subject.wanted = 8
    run, later = make(plan(), subject), make(plan(id="b::u"), Answers())
    engine.submit(run)
    assert subject.reached.wait(LONG)
    engine.stop("interrupted")
    engine.submit(later)
    ended(run, later)
    assert outcomes(run.stream) == outcomes(later.stream) == ["inconclusive interrupted"]


def test_budget_lets_paid_trials_complete() -> None:
    subject, journal, engine = Answers(go=False), Pages(), Engine(8)
    subject.wanted = 8
    run = make(plan(), subject, journal)
    engine.submit(run)
    assert subject.reached.wait(LONG)
    engine.stop("budget")
    ended(run)
    in_loop(engine, subject.release)
    engine.close()
    assert outcomes(run.stream) == ["inconclusive budget"]
    assert len(journal.rows) == run.overrun_trials == 8


@pytest.mark.parametrize("kind", ["awaiting", "blocking"])
def test_a_full_disk_ends_all_tests_as_errors(engine: Engine, kind: str) -> None:
    """Nobody may wait for ever, and nothing may pass."""
    subject = Answers() if kind == "awaiting" else Calls(lambda trial: said())
    runs = [make(plan(id=f"a::{name}"), subject, Pages(full=5)) for name in "tuv"]
    for run in runs:
        engine.submit(run)
    ended(*runs)
    assert isinstance(engine.fault, OSError)
    assert all(decide_test(run.stream).verdict == "error" for run in runs)


def test_a_full_disk_at_the_moment_a_hanging_trial_is_given_up(engine: Engine) -> None:
    release = threading.Event()
    run = make(plan(deadline_s=0.05), Calls(lambda trial: release.wait(LONG) and said()), Pages(full=0))
    engine.submit(run)
    ended(run)
    release.set()
    assert isinstance(engine.fault, OSError)


@pytest.mark.parametrize("kind", ["awaiting", "blocking"])
@pytest.mark.parametrize("fault", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_code_that_leaves_is_a_trial_error(engine: Engine, kind: str, fault: type[BaseException]) -> None:
    """`sys.exit()` in an async function ended the engine's thread, and everybody waited for ever."""

    def leave(trial: Trial) -> Observation:
        if trial.index == 1:
            raise fault("sk-secret")
        return said()

    async def leave_later(trial: Trial) -> Observation:
        return leave(trial)

    subject = Answers() if kind == "awaiting" else Calls(leave)
    if isinstance(subject, Answers):
        subject.sample = leave_later  # type: ignore[method-assign]
    journal = Pages()
    run = make(plan(max_errors=0.5), subject, journal)
    engine.submit(run)
    ended(run)
    assert outcomes(run.stream) == ["pass boundary"]
    errors = [row.error for row in journal.rows if row.error]
    assert errors == [f"raised: {fault.__name__} left the code under test"]


@pytest.mark.parametrize("kind", ["awaiting", "blocking"])
def test_what_hangs_is_given_up_at_its_deadline(engine: Engine, kind: str) -> None:
    release, journal = threading.Event(), Pages()

    def hang(trial: Trial) -> Observation:
        if trial.index == 1:
            release.wait(LONG)
        return said()

    async def hang_awaiting(trial: Trial) -> Observation:
        if trial.index == 1:
            await asyncio.Event().wait()
        return said()

    subject = Answers() if kind == "awaiting" else Calls(hang)
    if isinstance(subject, Answers):
        subject.sample = hang_awaiting  # type: ignore[method-assign]
    run = make(plan(deadline_s=0.3, max_errors=0.5), subject, journal)
    engine.submit(run)
    ended(run)
    release.set()
    late = [row for row in journal.rows if row.trial.index == 1]
    assert [row.error for row in late] == ["timeout: no answer within 0.3 s"]
    assert outcomes(run.stream) == ["pass boundary"]


def test_a_worker_that_has_gone_on_is_not_given_up() -> None:
    """The deadline is that of the trial that runs, not of the one before it."""
    from pytest_llmgate.engine.threads import BlockingWorker

    begun, release, gone = threading.Event(), threading.Event(), threading.Event()
    journal = Pages()

    def answer(trial: Trial) -> Observation:
        begun.set()
        release.wait(LONG)
        return said()

    run = make(plan(FIXED, trials=1), Calls(answer), journal)
    trial = run.take()
    assert trial is not None
    worker = BlockingWorker(run, trial, lambda *_: gone.set())
    worker.start()
    assert begun.wait(LONG)
    assert worker.give_up(LONG, said("late")) is False
    release.set()
    assert gone.wait(LONG)
    assert worker.give_up(0.0, said("late")) is False
    assert [row.trial.index for row in journal.rows] == [0]


def test_quick_functions_share_one_thread(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_llmgate.engine.runner._SLOW_S", LONG)  # whatever else this machine does
    quick: set[int] = set()

    def answer(trial: Trial) -> Observation:
        quick.add(threading.get_ident())
        return said()

    run = make(plan(FIXED, trials=40), Calls(answer))
    engine.submit(run)
    ended(run)
    assert len(quick) == 1


def test_slow_functions_get_threads(engine: Engine) -> None:
    together = threading.Barrier(4)  # 4 threads must meet for any trial to go on

    def slow(trial: Trial) -> Observation:
        together.wait(LONG)
        return said()

    run = make(plan(FIXED, trials=40, id="b::u"), Calls(slow))
    engine.submit(run)
    ended(run)
    assert run.stream.folded == 40


def test_the_body_of_a_test_gets_no_more_threads_than_it_asks_for(engine: Engine) -> None:
    active, most, lock = 0, 0, threading.Lock()
    pair = threading.Barrier(2)

    def body(trial: Trial) -> Observation:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        pair.wait(LONG)
        with lock:
            active -= 1
        return said()

    run = make(plan(FIXED, trials=20, kind="body", workers=2), Calls(body))
    engine.submit(run)
    ended(run)
    assert most == 2


class Tokens:
    """Places that another process gives back one by one."""

    def __init__(self) -> None:
        self.free = 0
        self.most = self.held = 0

    def acquire_nowait(self) -> bool:
        if self.held >= self.free:
            return False
        self.held += 1
        self.most = max(self.most, self.held)
        return True

    def release(self) -> None:
        self.held -= 1


def test_places_shared_with_other_processes_are_awaited_and_given_back() -> None:
    places, subject = Tokens(), Answers()
    engine, run = Engine(8, places), make(plan(FIXED, trials=20), subject)
    engine.submit(run)
    in_loop(engine, lambda: None)
    assert subject.asked == 0
    places.free = 2
    ended(run)
    engine.close()
    assert (subject.most, places.most, places.held) == (2, 2, 0)


def test_trials_of_an_earlier_start_are_not_asked_again(engine: Engine) -> None:
    earlier = Pages()
    first = make(plan(FIXED, trials=10), Answers(), earlier)
    engine.submit(first)
    ended(first)
    rows = {row.trial: row for row in earlier.rows if row.trial.index < 6}

    class Kept:
        def get(self, trial: Trial) -> object:
            return rows.get(trial)

    subject, journal = Answers(), Pages()
    again = make(plan(FIXED, trials=10), subject, journal, recorded=Kept())
    engine.submit(again)
    ended(again)
    assert (subject.asked, len(journal.rows)) == (4, 4)
    assert decide_test(again.stream) == decide_test(first.stream)


def test_a_measure_that_raises_leaves_a_hole_and_the_run_goes_on(engine: Engine) -> None:
    from pytest_llmgate.engine.judge import Judge

    class Raises:
        def measure(self, case: object, seen: object) -> object:
            raise KeyError("total")

    test = plan(trials=1000)
    run = TestRun(stream(test), Judge(test, [Raises()]), Pages(), Answers())  # type: ignore[list-item]
    engine.submit(run)
    ended(run)
    verdict = decide_test(run.stream)
    assert verdict.verdict == "error"
    assert "the measure raised KeyError: 'total'" in verdict.gates[0].reason
    assert engine.fault is None
