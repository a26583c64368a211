"""Looks up the approved baseline of a gate on replies, and says how the test of today stands to it."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_llmgate.core.baseline import baseline_file
from pytest_llmgate.core.codec import digest
from pytest_llmgate.core.compared import PARAMETERS, Compared, ReplyBaseline, compare
from pytest_llmgate.core.plan import COST_REGRESSION, GatePlan, ModelPlan, TestPlan, plan_digest
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.providers.prices import PriceTable
from pytest_llmgate.store.baselines import Baselines, read_baselines

RUNAWAY_FACTOR = 3
_CPU = Path("/proc/cpuinfo")


class Against:
    """Implements core.ports.Comparer. redact: as the names in baselines are written."""

    def __init__(self, settings: Settings, redact: Callable[[str], str]) -> None:
        self._settings = settings
        self._redact = redact
        self._files: dict[str, Baselines] = {}
        self._prices: PriceTable | None = None
        self._machine: str | None = None

    def __call__(self, plan: TestPlan, gate: GatePlan) -> Compared:
        """The gate's baseline, and how the test of today stands to it. Raises LlmgateError for a broken file."""
        assert gate.compared is not None
        kind, main = gate.compared.kind, main_gate(gate.name, gate)
        cases = frozenset(self._redact(case.id) for case in plan.cases)
        known = self._baselines(plan.file).of_replies(plan.id, self._redact(main))
        live = self._settings.record in ("live", "all") or not _recorded(plan)
        found = compare(kind, known, self.digests(plan, gate), parameters(gate), cases, live=live)
        return replace(found, sentences=self._renamed(plan, main, found, cases)) if known is None else found

    def _renamed(self, plan: TestPlan, main: str, found: Compared, cases: frozenset[str]) -> tuple[str, ...]:
        """The test that this one may have been called, where a baseline without its test asked the same."""
        file = baseline_file(plan.file)
        text = (self._settings.root / plan.file).read_text(encoding="utf-8", errors="replace")
        for entry in self._baselines(plan.file).entries.values():
            if not isinstance(entry, ReplyBaseline) or (entry.gate, frozenset(entry.cases)) != (main, cases):
                continue
            name = entry.test.rpartition("::")[2].partition("[")[0]
            same = all(entry.digests.get(key) == found.digests.get(key) for key in ("prompt", "model", "code"))
            if same and not _stands(name, text):
                return (f"{name!r} asked the same of the same cases: if it was renamed, rename its key in {file}",)
        return ()

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


def _stands(name: str, text: str) -> bool:
    """Whether a suite file or module still has a test of this name."""
    return re.search(rf"""(\bid:\s*["']?|\bdef ){re.escape(name)}(?![\w.-])""", text) is not None


def main_gate(name: str, gate: GatePlan) -> str:
    """The gate that the baseline is approved for: both parts of a cost regression share one."""
    part = gate.params.get("part")
    return name.removesuffix(f"-{part}") if part else name


def parameters(gate: GatePlan) -> Mapping[str, Any]:
    """The parameters that the figures of a gate's baseline depend on."""
    found = {name: gate.params[name] for name in PARAMETERS if name in gate.params}
    if gate.type == COST_REGRESSION:
        return {"of": "total_tokens", "runaway_factor": RUNAWAY_FACTOR, **found}
    return {"of": "p95", **found} if gate.compared and gate.compared.kind == "latency" else {}


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
