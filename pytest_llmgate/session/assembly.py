"""Puts one test together: its subject, its measures, its rules and its way to the models."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llmgate.core.codec import canonical
from pytest_llmgate.core.errors import LlmgateError, Problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.groups import groups_in
from pytest_llmgate.core.observation import Observation, TrialError
from pytest_llmgate.core.plan import BODY_GATE, GatePlan, ModelPlan, TestPlan
from pytest_llmgate.core.ports import AskingMeasure, Designs, EarlierTrials, Ledger, Measure, Prices, Provider
from pytest_llmgate.core.record import TrialRecord, record_from_row
from pytest_llmgate.core.reply import Reply, Usage
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.detectors.negated import negate
from pytest_llmgate.engine.calls import CallRooms, ModelCaller
from pytest_llmgate.engine.folds import folds_of
from pytest_llmgate.engine.judge import AndBodyPassed, BodyPassed
from pytest_llmgate.engine.slices import by_case
from pytest_llmgate.engine.stream import TestStream
from pytest_llmgate.extensions.registry import Registry
from pytest_llmgate.stats.planning import RulePlan, gate_rule
from pytest_llmgate.store.cassette import JsonlCassette

FREE_PROVIDERS = ("python", "local")
"""Providers that cost nothing, so that no price is missed."""
CUT_SHORT = ("budget", "interrupted")
"""What ends a run through no fault of its subjects."""
_SHOWN_PROBLEMS = 20

Row = Callable[[int], Mapping[str, object] | None]
"""The recorded row of a trial, by its index."""
Text = Callable[[str], Mapping[str, Any] | None]
"""A recorded reply with what was written beside it, by its digest."""
Recall = Callable[[TrialRecord, Callable[[], Observation]], None]
"""Takes in a trial that was recorded, and how to get at what was seen."""


class Providers:
    """Builds each provider once and closes them all."""

    def __init__(self, registry: Registry, root: Path) -> None:
        self._registry = registry
        self._root = root
        self._built: dict[str, Provider] = {}
        self._seen: dict[int, tuple[ModelPlan, Provider]] = {}  # by identity: one look-up a call must be quick

    def get(self, model: ModelPlan, base: str) -> Provider:
        """The provider of a model, shared by all tests that use it."""
        seen = self._seen.get(id(model))
        if seen is None:
            seen = self._seen[id(model)] = (model, self._shared(model, base))
        return seen[1]

    def _shared(self, model: ModelPlan, base: str) -> Provider:
        key = canonical([base, model])
        if key not in self._built:
            build = self._registry.provider(model.provider, model.where)
            self._built[key] = build(model, SuiteFiles(self._root, self._root / base), os.environ)
        return self._built[key]

    def is_live(self, model: ModelPlan) -> bool:
        """Whether its calls leave this process or cost something; a plugin says no by `build.live = False`."""
        build = self._registry.provider(model.provider, model.where)
        return bool(getattr(build, "live", model.provider != "python"))

    async def close(self) -> None:
        """Close connections; in the loop that opened them."""
        for provider in self._built.values():
            await provider.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What tests of one run share.

    redact, redact_text: applied to whatever came from outside. cassette: by path, opened once each.
    """

    settings: Settings
    registry: Registry
    providers: Providers
    prices: Prices
    ledger: Ledger
    designs: Designs
    redact: Callable[[Reply], Reply]
    redact_text: Callable[[str], str]
    cassette: Callable[[str, int], JsonlCassette]
    out_of_budget: Callable[[], None]
    callers: dict[str, ModelCaller] = field(default_factory=dict)

    def files(self, plan: TestPlan) -> SuiteFiles:
        return SuiteFiles(self.settings.root, self.settings.root / plan.base)

    def caller(self, plan: TestPlan) -> ModelCaller:
        """The way to the models for the tests of one suite."""
        key = f"{plan.file}\0{plan.cassette}\0{plan.seed}"
        if key not in self.callers:
            mode = self.settings.record
            rooms = CallRooms(
                provider=lambda model: self.providers.get(model, plan.base),
                is_live=self.providers.is_live,
                cassette=self.cassette(plan.cassette, plan.seed) if plan.cassette and mode != "live" else None,
                mode=mode,
                ledger=self.ledger,
                prices=self.prices,
                redact=self.redact,
                redact_text=self.redact_text,
                how_to_record=f"pytest --llm-suite {plan.file} --llm-record=new",
                out_of_budget=self.out_of_budget,
            )
            self.callers[key] = ModelCaller(rooms)
        return self.callers[key]


def rule_plan(gate: GatePlan, plan: TestPlan, designs: Designs) -> RulePlan:
    """The rule of one gate with its design; raises LlmgateError for rates that no rule can tell apart."""
    ceiling = gate.trials or groups_in(plan.trials, len(plan.cases), gate.repeats)
    return gate_rule(gate, gate.bad, ceiling, designs)


def stream(plan: TestPlan, designs: Designs, sampled: int = 0) -> TestStream:
    """The ordered window of a test. sampled: trials to draw whatever its gates say, for a baseline."""
    return TestStream(plan, folds_of(plan, lambda gate: rule_plan(gate, plan, designs).rule), sampled)


def baseline_trials(plan: TestPlan) -> int:
    """The trials that a proposed baseline of a test rests on; 0 where none of its gates has one."""
    if plan.circuit is not None or not any(gate.compared for gate in plan.gates):
        return 0
    return plan.baseline_trials or plan.trials


def measures(plan: TestPlan, parts: Parts) -> tuple[Measure, ...]:
    """The measure of each gate, in order; refuses what cannot be measured before anything is spent."""
    files = parts.files(plan)
    strict = not any(gate.type == BODY_GATE for gate in plan.gates)
    made: list[Measure] = []
    problems: list[Problem] = []
    for gate in plan.gates:
        if gate.type == BODY_GATE:
            made.append(negate(BodyPassed()) if gate.inverted else BodyPassed())
            continue
        name = gate.type.removeprefix("not-")
        measure = parts.registry.assertion(name, gate.where).build(gate.params, files, gate.where)
        problems += _unmeasurable(measure, gate, plan, parts)
        if gate.type.startswith("not-") != gate.inverted:
            measure = negate(measure)
        made.append(AndBodyPassed(measure, strict=strict) if plan.kind == "body" else measure)
    if problems:
        raise LlmgateError(*problems[:_SHOWN_PROBLEMS])
    return tuple(made)


def asking(plan: TestPlan, made: Sequence[Measure]) -> Sequence[Sequence[AskingMeasure]]:
    """The measures among these that ask a model about the replies of each case, also where they are negated."""
    inner = [(gate, getattr(one, "asking", one)) for gate, one in zip(plan.gates, made, strict=True)]
    return by_case(plan, [(gate, one) for gate, one in inner if isinstance(one, AskingMeasure)])


def _unmeasurable(measure: Measure, gate: GatePlan, plan: TestPlan, parts: Parts) -> list[Problem]:
    """What would leave every trial of some case unscored."""
    found = []
    undefined = getattr(measure, "undefined", None)
    if undefined is not None:
        for case in plan.cases:
            names = undefined(case)
            if names:
                text = f"{gate.name}: case {case.id!r}: {'; '.join(names)}"
                found.append(Problem("value-undefined", text, gate.where, "give every case this value"))
    if getattr(measure, "needs_price", False) and _unpriced(plan, parts):
        text = f"{gate.name}: no price is known for model {plan.model.model if plan.model else ''!r}"
        found.append(Problem("unpriced-model", text, gate.where, "give a table with --llm-prices FILE"))
    return found


def _unpriced(plan: TestPlan, parts: Parts) -> bool:
    """Whether a live model's price is unknown, so that every cost would be."""
    model = plan.model
    return model is not None and parts.providers.is_live(model) and not priced(model, parts.prices)


def priced(model: ModelPlan, prices: Prices) -> bool:
    """Whether the price table knows a model."""
    return prices.cost(model.model, Usage(1, 1, 1)) is not None


def cut_short(row: Mapping[str, object]) -> str:
    """Why a recorded trial came to nothing through no fault of its subject: `budget`, `interrupted`, or nothing."""
    kind = str(row["error"]).partition(":")[0] if row["error"] is not None else ""
    return kind if kind in CUT_SHORT else ""


class RecordedTrials:
    """Trials of one test that an interrupted start completed, as the engine asks for them.

    cases: ids in its order. recall: is told of each trial, and how to get at its reply by `text`.
    """

    def __init__(
        self, row: Row, cases: Sequence[str], recall: Recall | None = None, text: Text = lambda digest: None
    ) -> None:
        self._row = row
        self._cases = cases
        self._recall = recall
        self._text = text

    def get(self, trial: Trial) -> TrialRecord | None:
        """The record of exactly this trial, or None. What failed for a passing reason is asked again."""
        row = self._row(trial.index)
        if row is None or row["seed"] != trial.seed or row["case"] != self._cases[trial.case]:
            return None
        if cut_short(row):
            return None
        record = record_from_row(row, trial.case)
        if self._recall is not None:
            self._recall(record, lambda: _seen(record, self._text))
        return record


def _seen(record: TrialRecord, text: Text) -> Observation:
    """A recorded trial as it was seen, as far as its reply was kept."""
    if record.error is not None:
        kind, _, message = record.error.partition(": ")
        return Observation(None, TrialError(kind, message))
    kept = text(record.reply) if record.reply is not None else None
    if kept is None:
        return Observation(None, TrialError("missing-recording", "its text was not kept"))
    return Observation(Reply(kept["text"], data=kept.get("data"), context=kept.get("context")))


def recorded(
    row: Row | None, cases: Sequence[str], recall: Recall | None = None, text: Text = lambda digest: None
) -> EarlierTrials | None:
    """What an interrupted start recorded of a test, or None where nothing is to be gone on with."""
    return None if row is None else RecordedTrials(row, cases, recall, text)
