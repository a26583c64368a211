"""Looks up the approved baseline of a gate on replies, and says how the test of today stands to it."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_llmgate.core.baseline import baseline_file
from pytest_llmgate.core.case import Case
from pytest_llmgate.core.codec import digest
from pytest_llmgate.core.compared import COST_UNIT, PARAMETERS, UNIT, Compared, ReplyBaseline, compare
from pytest_llmgate.core.markers import PERCENTILES
from pytest_llmgate.core.plan import COST_REGRESSION, GatePlan, ModelPlan, TestPlan, plan_digest
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.engine.slices import members_of
from pytest_llmgate.providers.prices import PriceTable
from pytest_llmgate.session.renamed import Asked, moved, orphans, renamed
from pytest_llmgate.stats.runaways import DEFAULT_FACTOR
from pytest_llmgate.store.baselines import Baselines, read_baselines

_CPU = Path("/proc/cpuinfo")


class Against:
    """Implements core.ports.Comparer. redact: as the names in baselines are written."""

    def __init__(self, settings: Settings, redact: Callable[[str], str]) -> None:
        self._settings = settings
        self._redact = redact
        self._files: dict[str, Baselines] = {}
        self._prices: PriceTable | None = None
        self._machine: str | None = None
        self._gone: list[ReplyBaseline] | None = None

    def __call__(self, plan: TestPlan, gate: GatePlan) -> Compared:
        """The gate's baseline, and how the test of today stands to it. Raises LlmgateError for a broken file."""
        assert gate.compared is not None
        kind, main = gate.compared.kind, main_gate(gate.name, gate)
        own = own_cases(plan, gate)
        cases = frozenset(self._redact(case.id) for case in own)
        known = self._baselines(plan.file).of_replies(plan.id, self._redact(main))
        live = self._settings.record in ("live", "all") or not _recorded(plan)
        digests = {**self.digests(plan, gate), "cases": self._content(own)}
        others = known is not None and known.cases and known.cases.keys() != cases
        earlier = self._content(own, known.cases) if known is not None and others else None
        found = compare(kind, known, digests, parameters(gate), cases, live=live, content=earlier)
        return replace(found, sentences=self._renamed(plan, gate, found, cases)) if known is None else found

    def _content(self, own: Sequence[Case], known: Collection[str] | None = None) -> str:
        """Digest of what cases ask and expect. known: of those of these names alone."""
        named = {self._redact(case.id): [case.vars, case.context, case.expected] for case in own}
        return digest({name: asked for name, asked in named.items() if known is None or name in known})

    def _renamed(self, plan: TestPlan, gate: GatePlan, found: Compared, cases: frozenset[str]) -> tuple[str, ...]:
        """What this gate may have been called, where a baseline that nothing asks for asked the same."""
        gates = frozenset(self._redact(main_gate(other.name, other)) for other in plan.gates)
        asked = Asked(
            test=plan.id, gate=self._redact(main_gate(gate.name, gate)), gates=gates, kind=found.kind, cases=cases,
            parameters=parameters(gate), digests=found.digests,
        )  # fmt: skip
        here = self._baselines(plan.file).entries
        return renamed(asked, here, self._settings.root) or moved(asked, self._orphans(plan.file), self._settings.root)

    def _orphans(self, file: str) -> list[ReplyBaseline]:
        """Entries of the other baseline files whose suite file is gone; a broken file is its own suites' affair."""
        if self._gone is None:
            self._gone = orphans(self._settings.root)
        return [entry for entry in self._gone if baseline_file(entry.test.partition("::")[0]) != baseline_file(file)]

    def _baselines(self, file: str) -> Baselines:
        name = baseline_file(file)
        if name not in self._files:
            self._files[name] = read_baselines(self._settings.root / name, self._settings.root)
        return self._files[name]

    def digests(self, plan: TestPlan, gate: GatePlan) -> dict[str, str | None]:
        """What a baseline of this gate would be taken with today."""
        of_cost = gate.type == COST_REGRESSION and gate.params.get("of") == "cost"
        timed = gate.compared is not None and gate.compared.kind == "latency"
        code = {name: found for name, found in plan.content.items() if name.endswith(".py")}
        return {
            "plan": _plan_digest(plan),
            "model": None if plan.model is None else _model_digest(plan.model),
            "prompt": None if plan.prompt is None else digest([dict(message) for message in plan.prompt.messages]),
            "code": digest(code) if code else None,
            "calibration": None if gate.flagging is None else gate.flagging.digest,
            "prices": self._price(plan.model) if of_cost and plan.model is not None else None,
            "machine": self._machine_class() if timed else None,
        }

    def _price(self, model: ModelPlan) -> str | None:
        self._prices = self._prices or PriceTable.load(self._settings.prices)
        price = self._prices.find(model.model)
        return None if price is None else digest([str(price.input), str(price.output)])

    def _machine_class(self) -> str:
        """The class of this machine as a digest, which tells nobody its name."""
        if self._machine is None:
            self._machine = digest([platform.system(), platform.machine(), os.cpu_count(), _processor()])
        return self._machine


def own_cases(plan: TestPlan, gate: GatePlan) -> list[Case]:
    """The cases that count for a gate."""
    members = members_of(gate, plan)
    return [case for place, case in enumerate(plan.cases) if members is None or place in members]


def main_gate(name: str, gate: GatePlan) -> str:
    """The gate that the baseline is approved for: both parts of a cost regression share one."""
    part = gate.params.get("part")
    return name.removesuffix(f"-{part}") if part else name


def parameters(gate: GatePlan) -> Mapping[str, Any]:
    """The parameters that the figures of a gate's baseline depend on."""
    found = {name: gate.params[name] for name in PARAMETERS if name in gate.params}
    if gate.type == COST_REGRESSION:
        unit = {UNIT: COST_UNIT} if found.get("of") == "cost" else {}
        return {"of": "total_tokens", "runaway_factor": DEFAULT_FACTOR, **found, **unit}
    if gate.compared is None or gate.compared.kind != "latency":
        return {}
    limits = [name.removesuffix("_ms") for name in gate.params if name in PERCENTILES]  # filled in from a baseline
    return {"of": limits[0] if limits else "p95", **found}


def _recorded(plan: TestPlan) -> bool:
    """Whether replies of a test may come from a cassette."""
    if plan.kind == "function":
        return False
    models = [plan.model, *plan.models.values()] if plan.kind == "body" else [plan.model]
    return any(model.record if model.record is not None else model.provider != "python" for model in models if model)


def _model_digest(model: ModelPlan) -> str:
    return digest([model.provider, model.model, model.base_url, model.params])


def _plan_digest(plan: TestPlan) -> str:
    """Of what is asked, without what it is compared with."""
    gates = tuple(replace(gate, compared=None, family=1) for gate in plan.gates)
    return plan_digest((replace(plan, gates=gates),))


def _processor() -> str:
    try:
        lines = _CPU.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
