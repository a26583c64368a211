"""Samples the tests of a run: in one background loop what awaits, in threads what blocks, ahead of the reader.

The loop lives as long as the run, so that connections are shared by its tests. Tests are sampled in the order in
which they were given, with at most `concurrency` trials in flight over all of them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, TypeVar, cast

from pytest_llmgate.core.observation import Observation, TrialError
from pytest_llmgate.core.ports import Places, Subject
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.run import TestRun
from pytest_llmgate.engine.threads import BlockingWorker, left

T = TypeVar("T")
_WATCH_S = 0.01  # how often blocking trials, and places shared with other processes, are looked after
_SLOW_S = 0.005  # a blocking trial that takes longer gets company from further threads
_BREATHE = 256  # trials without any waiting after which a task lets others run


class Clock(NamedTuple):
    """When the first trial was sent and the last one answered, in epoch seconds; 0 where none was."""

    first: float
    last: float


class Engine:
    """Samples tests until their gates are decided.

    concurrency: trials in flight over this process. places: shared with other processes, or None.
    """

    def __init__(self, concurrency: int, places: Places | None = None) -> None:
        self.concurrency = max(1, concurrency)
        self._places = places
        self._runs: list[TestRun] = []
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers: set[BlockingWorker] = set()
        self._stopped = ""
        self._watching = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._first = 0.0
        self._last = 0.0
        self.fault: BaseException | None = None

    # ---- from any thread

    @property
    def clock(self) -> Clock:
        return Clock(self._first, self._last)

    def tick(self) -> None:
        """Note that a trial was sent or answered now."""
        self._last = time.time()
        self._first = self._first or self._last

    def submit(self, run: TestRun) -> None:
        """Start sampling a test, after those submitted before."""
        self._call(lambda: self._admit(run))

    def stop(self, reason: str) -> None:
        """End all sampling (`budget`, `interrupted`, `error`); undecided gates stay undecided."""
        self._call(lambda: self._stop_all(reason))

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the engine's loop and wait for its result, from another thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._started()).result()

    def close(self, *closers: Callable[[], Awaitable[None]]) -> None:
        """Let what is in flight complete, close resources in the loop, and end it."""
        if self._loop is None or self._thread is None:
            return
        try:
            self.call(self._shut(closers))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=10)
            if not self._thread.is_alive():
                self._loop.close()
            self._loop = self._thread = None

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="llmgate-loop", daemon=True)
            self._thread.start()
        return self._loop

    def _call(self, action: Callable[[], None]) -> None:
        self._started().call_soon_threadsafe(self._guarded, action)

    def _guarded(self, action: Callable[[], None]) -> None:
        """Run a step in the loop; whatever goes wrong in it ends the run instead of leaving everybody waiting."""
        try:
            action()
        except Exception as fault:
            self._broken(fault)

    # ---- in the loop

    def _admit(self, run: TestRun) -> None:
        if self._stopped:
            run.cut(self._stopped)
            return
        self._runs.append(run)
        self._pump()

    def _pump(self) -> None:
        """Hand free places to the first tests that can use them."""
        while self._busy < self.concurrency and not self._stopped:
            if self._places is not None and not self._places.acquire_nowait():
                self._watch_soon()
                return
            taken = self._next()
            if taken is None:
                if self._places is not None:
                    self._places.release()
                return
            self._start(*taken)

    def _next(self) -> tuple[TestRun, Trial] | None:
        """The first test in order that has a trial to run now."""
        while self._runs and self._runs[0].finished.is_set():
            del self._runs[0]
        for run in self._runs:
            if run.blocking and not self._room_for_thread(run):
                continue
            trial = run.take()
            if trial is not None:
                return run, trial
        return None

    def _room_for_thread(self, run: TestRun) -> bool:
        """Whether one more thread helps: quick Python gains nothing from company, what waits does."""
        if any(not worker.test.slow for worker in self._workers):
            return False
        plan = run.stream.plan
        return plan.kind != "body" or run.in_flight < plan.workers

    def _start(self, run: TestRun, trial: Trial) -> None:
        self._busy += 1
        self.tick()
        if run.blocking:
            worker = BlockingWorker(run, trial, self._worker_ended)
            worker.start()
            self._workers.add(worker)
            self._watch_soon()
            return
        task = asyncio.ensure_future(self._work(run, trial))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, run: TestRun, trial: Trial | None) -> None:
        """Run trials of a test one after another until none is ready or an earlier test wants the place."""
        count = 0
        try:
            while trial is not None:
                run.complete(trial, await self._sample(run, trial))
                self._last = time.time()
                count += 1
                if count % _BREATHE == 0:
                    await asyncio.sleep(0)
                self._pump()
                trial = run.take() if self._runs and self._runs[0] is run and not self._stopped else None
        except asyncio.CancelledError:
            run.cut("interrupted")
            raise
        except Exception as fault:
            self._broken(fault)
        finally:
            self._freed()

    async def _sample(self, run: TestRun, trial: Trial) -> Observation:
        """One observation; calls of a prompt have a deadline of their own, other subjects have the test's."""
        subject, plan = cast(Subject, run.subject), run.stream.plan  # a runtime check would cost 14 µs a trial
        try:
            if plan.kind == "prompt":
                return await subject.sample(trial)
            async with asyncio.timeout(plan.trial_deadline_s) as clock:
                return await subject.sample(trial)
        except TimeoutError:
            if plan.kind == "prompt" or not clock.expired():
                raise
            return late(plan.trial_deadline_s)
        except (asyncio.CancelledError, SystemExit, KeyboardInterrupt) as fault:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return left(fault)  # SystemExit would end the loop and leave everybody waiting

    def _freed(self) -> None:
        self._busy -= 1
        if self._places is not None:
            self._places.release()
        self._pump()

    def _broken(self, fault: BaseException) -> None:
        """A fault of ours or of the disk: nobody may wait for ever, and nothing may pass."""
        self.fault = self.fault or fault
        self._stop_all("error")

    def _stop_all(self, reason: str) -> None:
        """Cut every test. At the end of the budget what is in flight completes and is recorded: it was paid for."""
        self._stopped = self._stopped or reason
        runs, self._runs = self._runs, []
        for run in runs:
            run.cut(reason)
        if reason != "budget":
            current = asyncio.current_task(self._loop)
            for task in self._tasks - {current}:
                task.cancel()

    async def _shut(self, closers: tuple[Callable[[], Awaitable[None]], ...]) -> None:
        if any(not run.finished.is_set() for run in self._runs):
            self._stop_all("interrupted")
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        while self._workers and self._stopped in ("", "budget"):
            await asyncio.sleep(_WATCH_S)  # overrun trials are paid as well; `_watch` gives up those that hang
        if self._workers:
            await asyncio.sleep(_WATCH_S)  # what has just ended, such as a cancelled job, is on its way to the journal
        for worker in self._workers:
            worker.abandon()
        for close in closers:
            await close()

    # ---- blocking subjects

    def _worker_ended(self, worker: BlockingWorker, fault: BaseException | None) -> None:
        """Called in the worker's thread when it has nothing more to do."""
        self._call(lambda: self._let_go(worker, fault))

    def _let_go(self, worker: BlockingWorker, fault: BaseException | None) -> None:
        if worker in self._workers:
            self._workers.remove(worker)
            self.tick()
            if fault is not None:
                self._broken(fault)
            self._freed()

    def _watch_soon(self) -> None:
        if not self._watching:
            self._watching = True
            asyncio.get_running_loop().call_later(_WATCH_S, self._guarded, self._watch)

    def _watch(self) -> None:
        """Mark slow blocking trials, give up on those beyond their deadline, and fill places that came free."""
        self._watching = False
        for worker in list(self._workers):
            worker.test.slow = worker.test.slow or worker.pace() > _SLOW_S
            if worker.elapsed() > worker.test.stream.plan.trial_deadline_s:
                self._give_up(worker)
        self._pump()
        if self._workers or (self._places is not None and self._runs):
            self._watch_soon()

    def _give_up(self, worker: BlockingWorker) -> None:
        """Record a hanging trial as late and do without its thread."""
        deadline_s = worker.test.stream.plan.trial_deadline_s
        try:
            if worker.give_up(deadline_s, late(deadline_s)):
                self._let_go(worker, None)
        except Exception as fault:
            self._let_go(worker, fault)


def late(deadline_s: float) -> Observation:
    """What a trial gives that did not answer in time: failed for latency, a hole for the other gates."""
    return Observation(None, TrialError("timeout", f"no answer within {deadline_s:g} s"))
