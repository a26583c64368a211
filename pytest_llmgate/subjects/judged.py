"""A subject whose replies are judged by other models: they are asked within the trial, right after the reply.

What a judge answers is recorded, priced and replayed like any call. It counts apart from the subject's own calls, so
that adding a judge changes neither the cost nor the latency that other gates of the test see.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from pytest_llmgate.core.observation import Judgement, Judging, Observation, TrialError
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import AskingMeasure, BlockingSubject, Caller, CallFailed, CallKey, Subject
from pytest_llmgate.core.reply import NO_USAGE, Reply, Request, Usage
from pytest_llmgate.core.trial import Trial, call_seed

Call = Callable[[Coroutine[Any, Any, Observation]], Observation]

_ENDS_THE_TRIAL = frozenset({"budget", "interrupted"})
"""Failures of a judge's call that say nothing of the judge: the trial is to be run again."""


class _Heard:
    """What one trial's judges said so far."""

    def __init__(self, seen: Observation) -> None:
        self.answers: dict[str, tuple[Judgement, ...]] = {}
        self.models: dict[str, str] = {}
        self.usage: Usage = NO_USAGE
        self.billed: Usage = NO_USAGE if seen.replayed else seen.usage
        self.replayed = seen.replayed
        self.error: TrialError | None = None

    def observation(self, seen: Observation) -> Observation:
        judging = Judging(self.answers, self.models, self.usage, self.billed)
        return seen._replace(judging=judging, replayed=self.replayed, error=seen.error or self.error)


class Bench:
    """Asks the judges of one test about its replies.

    asking: for each case, the measures that have one. caller: as for any call.
    """

    def __init__(self, plan: TestPlan, asking: Sequence[Sequence[AskingMeasure]], caller: Caller) -> None:
        self._cases = plan.cases
        self._judges = plan.judges
        self._asking = [tuple({measure.key: measure for measure in own}.values()) for own in asking]
        self._caller = caller

    async def hear(self, trial: Trial, seen: Observation) -> Observation:
        """The observation with what its judges say; as it is where there is no reply to judge."""
        if seen.reply is None:
            return seen
        heard = _Heard(seen)
        for measure in self._asking[trial.case]:
            heard.answers[measure.key] = await self._answers(measure, trial, seen.reply, heard)
            if heard.error is not None:
                break
        return heard.observation(seen)

    async def _answers(
        self, measure: AskingMeasure, trial: Trial, reply: Reply, heard: _Heard
    ) -> tuple[Judgement, ...]:
        """All answers to one question; after a call that failed no further one is paid for."""
        case = self._cases[trial.case]
        inquiry = measure.inquiry(case, reply)
        if inquiry is None:
            return ()
        judge = self._judges[measure.judge]
        answers: list[Judgement] = []
        for ordinal in range(1, measure.repeats + 1):  # call 0 is the subject's
            request = Request(
                model=judge.model,
                messages=inquiry.messages,
                params=judge.params,
                seed=call_seed(trial.seed, ordinal),
                vars=inquiry.vars,
            )
            try:
                answer = await self._caller.ask(judge, request, CallKey(trial.repeat, ordinal, case.twin, case.private))
            except CallFailed as failed:
                answers.append(Judgement(None, TrialError(failed.kind, failed.message)))
                if failed.fatal or failed.kind in _ENDS_THE_TRIAL:
                    heard.error = TrialError(failed.kind, failed.message, failed.fatal)
                break
            answers.append(Judgement(answer.reply))
            heard.models[judge.alias] = answer.reply.model or judge.model
            heard.usage = heard.usage.plus(answer.usage)
            if not answer.replayed:
                heard.replayed = False
                heard.billed = heard.billed.plus(answer.usage)
        return tuple(answers)


class JudgedSubject:
    """A subject that is awaited, with its judges."""

    def __init__(self, subject: Subject, bench: Bench) -> None:
        self._subject = subject
        self._bench = bench

    async def sample(self, trial: Trial) -> Observation:
        """Sample once, then hear the judges."""
        return await self._bench.hear(trial, await self._subject.sample(trial))


class JudgedBlockingSubject:
    """A subject that runs in threads, with its judges. call: runs a coroutine in the engine's loop and waits for it."""

    def __init__(self, subject: BlockingSubject, bench: Bench, call: Call) -> None:
        self._subject = subject
        self._bench = bench
        self._call = call

    def sample_now(self, trial: Trial) -> Observation:
        """Sample once, then hear the judges."""
        return self._call(self._bench.hear(trial, self._subject.sample_now(trial)))
