"""Draws the trials of both sides of a comparison, batch by batch, and reads them back in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.record import TrialRecord, record_from_row
from pytest_llmgate.core.reply import usage_of
from pytest_llmgate.core.trial import TrialKeys
from pytest_llmgate.engine.judge import Judge
from pytest_llmgate.session import assembly
from pytest_llmgate.session.comparing.asked import Arm
from pytest_llmgate.session.comparing.traffic import Traffic
from pytest_llmgate.session.finish import merge_cassettes
from pytest_llmgate.session.gate_session import GateSession, as_problem
from pytest_llmgate.store.journal import Recorded
from pytest_llmgate.store.rundir import RunDir


class Side(Protocol):
    """Gives the trials of one side."""

    def draw(self, test_id: str, trials: int) -> None:
        """Have this many trials of a test drawn in all."""

    def records(self, test_id: str, trials: int) -> list[TrialRecord]:
        """The first trials of a test, in order, as far as they came without a gap."""

    def ended(self, test_id: str) -> str:
        """Why there are no more trials of a test than were read, or nothing where more could be drawn."""

    def close(self) -> None: ...


class Asked:
    """Asks a model. Its trials are written down in a run directory of their own."""

    def __init__(self, arm: Arm, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._run = RunDir(folder, folder.name)
        self._plans = {plan.id: plan for plan in arm.plans}
        self._session = GateSession(arm.planner, self._run, arm.plans)
        self._cut: dict[str, str] = {}

    def draw(self, test_id: str, trials: int) -> None:
        """Start drawing; `records` waits for them."""
        self._session.extend(test_id, trials)

    def records(self, test_id: str, trials: int) -> list[TrialRecord]:
        """Wait for the trials, and read what was written down. Raises LlmgateError where sampling broke."""
        self._session.await_end(test_id, lambda: None)
        fault = self._session.engine.fault
        if fault is not None:
            raise as_problem(fault)
        plan, recorded = self._plans[test_id], Recorded(self._run)
        places = {case.id: place for place, case in enumerate(plan.cases)}
        found = [record_from_row(row, places[row["case"]]) for row in self._whole(recorded.rows(test_id), trials)]
        recorded.close()
        return found

    def _whole(self, rows: Iterator[dict[str, Any]], trials: int) -> Iterator[Mapping[str, Any]]:
        for place, row in enumerate(islice(rows, trials)):
            cut = assembly.cut_short(row)
            if cut:
                self._cut[row["test"]] = cut
            if cut or row["index"] != place:
                return
            yield row

    def ended(self, test_id: str) -> str:
        """That money ended it, where it did."""
        return self._cut.get(test_id, "")

    @property
    def session(self) -> GateSession:
        """Where its trials are drawn."""
        return self._session

    @property
    def plans(self) -> Sequence[TestPlan]:
        """Its tests."""
        return tuple(self._plans.values())

    def close(self) -> None:
        """End the session; what was recorded goes into the cassettes."""
        self._session.close()
        merge_cassettes(self._session.settings, self._run, ())


class Kept:
    """Gives recorded replies, one to every case of the plans; nobody is asked.

    session: of the other side, whose measures judge them.
    """

    def __init__(self, plans: Sequence[TestPlan], traffic: Traffic, session: GateSession) -> None:
        self._plans = {plan.id: plan for plan in plans}
        self._traffic = traffic
        self._session = session

    def draw(self, test_id: str, trials: int) -> None:
        """There is nothing to draw."""

    def records(self, test_id: str, trials: int) -> list[TrialRecord]:
        """The recorded replies in the order of the test's first round."""
        plan, parts = self._plans[test_id], self._session.parts
        judge = Judge(plan, assembly.measures(plan, parts), parts.redact_text)
        keys = TrialKeys(plan.seed, plan.id, tuple(case.id for case in plan.cases))
        found = []
        for trial in islice(keys.trials(), min(trials, len(plan.cases))):
            reply = self._traffic.replies[plan.cases[trial.case].id]
            seen = Observation(parts.redact(reply), None, usage_of(reply), reply.latency_ms, replayed=True)
            found.append(judge.record(trial, seen))
        return found

    def ended(self, test_id: str) -> str:
        """That every recorded reply was taken, unless fewer were asked for."""
        plan = self._plans[test_id]
        return "" if plan.trials < len(plan.cases) else "recording-end"

    def close(self) -> None:
        """There is nothing to close."""
