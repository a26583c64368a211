"""The plan: what will be sampled and how it will be judged. The same for YAML suites and markers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.circuit import CircuitPlan, circuit_from_row
from pytest_llmgate.core.codec import digest
from pytest_llmgate.core.compared import Compared, ReplyBaseline
from pytest_llmgate.core.errors import Where

Severity = Literal["block", "warn", "info"]

BODY_GATE = "stochastic"
"""Type of the gate that asks whether the body of a marked test passed; no assertion type is looked up for it."""

SUCCESS_PROBABILITY = "success-probability"
"""Type of the gate on a circuit's outcomes that an ordinary rate decides."""

EQUIVALENT = "equivalent"
"""Type of the gate on a circuit that computes instead of sampling."""

COST_REGRESSION = "cost-regression"
"""Type of the gate on what replies take, against what they took."""

RUNAWAYS = "runaways"
"""The part of such a gate that asks how many replies take a multiple of what their case took."""

UNRATED = frozenset({"distribution", "expectation", EQUIVALENT, COST_REGRESSION})
"""Types of gates that no rate decides."""

SUITE_SUFFIX = ".suite.yaml"


_SETTLING_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A gate that runs and is reported but does not block until a date (ISO, inclusive)."""

    until: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagging:
    """How well a gate's flags are known, from labels: false_flags of good answers were flagged, caught of bad ones.

    digest: of the calibration that says so; another calibration makes another plan.
    """

    digest: str
    good: int
    false_flags: int
    bad: int
    caught: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePlan:
    """One assertion and the rule that decides it.

    type: as written, with `not-`. params: what the measure takes. good, bad: *success* rates (already turned
    round for `max_rate`, see `unwanted`). alpha is the suite's, alpha_used = alpha / family.
    trials: the ceiling of its rule, n of a fixed one. repeats: trials of one case that are judged together; above 1, n
    and the ceiling count such groups. unwanted: rates are reported as rates of the unwanted event.
    inverted: written with `max_rate`: a trial is good where the assertion does not hold.
    require_baseline: whether a baseline that is missing blocks. flagging: where a calibration decides what is flagged.
    compared: of a gate on replies that is compared with a baseline; margin: what is too much worse, as a share of the
    baseline's cost or latency, or of all trials. cohort: `key=value` of the cases' `slice` that alone count for it.
    """

    name: str
    type: str
    params: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "block"
    quarantine: Quarantine | None = None
    rule: Literal["sequential", "fixed"] = "sequential"
    good: float = 0.95
    bad: float = 0.90
    bad_assumed: bool = False
    alpha: float = 0.05
    beta: float = 0.05
    family: int = 1
    unwanted: bool = False
    inverted: bool = False
    trials: int | None = None
    repeats: int = 1
    require_baseline: bool = False
    flagging: Flagging | None = None
    compared: Compared | None = None
    margin: float | None = None
    cohort: str | None = None
    where: Where | None = None

    @property
    def alpha_used(self) -> float:
        return self.alpha / self.family

    @property
    def rated(self) -> bool:
        """Whether it asks how often something happens; other gates ask how far something is from a reference."""
        return self.type not in UNRATED and (self.compared is None or self.compared.kind == "latency")

    @property
    def zero_tolerance(self) -> bool:
        """Whether the first violation fails."""
        return self.good >= 1.0

    @property
    def blocks(self) -> bool:
        """Whether a failure of this gate fails its test."""
        return self.severity == "block" and self.quarantine is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """A model alias after all overrides; `target` of a python provider stands in `model`.

    deadline_s: total, over all attempts of a call. requests_per_minute: None is no limit of ours.
    """

    alias: str
    provider: str
    model: str
    base_url: str | None = None
    api_key_env: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    record: bool | None = None
    deterministic: bool | None = None
    deadline_s: float = 60.0
    max_retries: int = 4
    requests_per_minute: float | None = None
    where: Where | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPlan:
    """A prompt: messages whose contents are templates. `source` is the file, for errors and reports."""

    name: str
    messages: tuple[Mapping[str, Any], ...]
    source: Where | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPlan:
    """One test: a subject, its cases, its gates.

    id: pytest's node id, also in the seeds. kind: `prompt`, `function`, `circuit` or `body`. function: of the kind of
    that name, as `file.py:name`. circuit: of that kind, whose trials are batches of shots. base: the folder that
    paths are relative to. trials: the ceiling; baseline_trials: how many a proposed baseline rests on, None for the
    ceiling. workers: threads of a synchronous body. file: the suite file or
    module, relative to the root. judges: models that its gates ask about the replies, by alias.
    """

    __test__ = False  # not a test class, whatever its name begins with

    id: str
    suite: str
    file: str
    kind: Literal["prompt", "function", "circuit", "body"]
    base: str
    seed: int = 0
    model: ModelPlan | None = None
    prompt: PromptPlan | None = None
    function: str | None = None
    circuit: CircuitPlan | None = None
    cases: tuple[Case, ...] = ()
    gates: tuple[GatePlan, ...] = ()
    trials: int = 1
    cover: Literal["each", "sample"] = "each"
    stop: Literal["first-fail", "all"] = "first-fail"
    target: Literal["cases", "population"] = "cases"
    max_errors: float = 0.05
    baseline_trials: int | None = None
    deadline_s: float = 120.0
    workers: int = 1
    cassette: str | None = None
    models: Mapping[str, ModelPlan] = field(default_factory=dict)
    prompts: Mapping[str, PromptPlan] = field(default_factory=dict)
    judges: Mapping[str, ModelPlan] = field(default_factory=dict)
    content: Mapping[str, str] = field(default_factory=dict)
    where: Where | None = None

    @property
    def trial_deadline_s(self) -> float:
        """Seconds that a blocking trial may take: a prompt's only call has its model's deadline, a job its device's."""
        if self.circuit is not None:
            return self.circuit.backend.deadline_s + _SETTLING_S  # a device gives up by itself, and settles
        own = self.model.deadline_s if self.kind == "prompt" and self.model is not None else self.deadline_s
        return own + self._judging_s

    @property
    def _judging_s(self) -> float:
        """Seconds that the judges of a trial may take, one call after another."""
        if not self.judges:
            return 0.0
        asked = [(self.judges.get(str(gate.params.get("model"))), gate) for gate in self.gates]
        calls = [(judge, int(gate.params.get("repeats", 1))) for judge, gate in asked if judge is not None]
        return sum(judge.deadline_s * often for judge, often in calls)

    @property
    def equal_replies(self) -> bool:
        """Whether identical requests are declared to give identical replies."""
        declared = self.kind == "prompt" and self.model is not None and self.model.deterministic is True
        return declared and self._judged_alike

    @property
    def _judged_alike(self) -> bool:
        """Whether identical replies are judged identically; a judge that draws its answers is no census."""
        return all(judge.deterministic is True for judge in self.judges.values())

    @property
    def presumed_equal(self) -> bool:
        """Whether identical requests probably give identical replies: temperature 0, and nobody denies it."""
        if self.kind != "prompt" or self.model is None or self.model.deterministic is not None:
            return False
        if not self._judged_alike:
            return False
        temperature = self.model.params.get("temperature")
        return isinstance(temperature, (int, float)) and not isinstance(temperature, bool) and temperature == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SuitePlan:
    """All tests of one suite file or module, and the suite-wide keys.

    aliases: the model names that the suite defines or uses, for telling a mistyped `--llm-model`.
    """

    name: str
    file: str
    tests: tuple[TestPlan, ...]
    budget: str | None = None
    description: str = ""
    aliases: frozenset[str] = frozenset()


def plan_from_row(row: Mapping[str, Any]) -> TestPlan:
    """A plan from its JSON form, as far as deciding needs it: its prompt, and what bodies may ask, stay behind."""
    known = {key: value for key, value in row.items() if key not in ("model", "models", "prompt", "prompts")}
    known["cases"] = tuple(Case(**{**case, "context": _context(case["context"])}) for case in row["cases"])
    known["gates"] = tuple(_gate_from_row(gate) for gate in row["gates"])
    known["model"] = _model_from_row(row["model"]) if row["model"] else None
    known["judges"] = {alias: _model_from_row(judge) for alias, judge in row.get("judges", {}).items()}
    known["circuit"] = circuit_from_row(row["circuit"]) if row.get("circuit") else None
    known["where"] = Where(**row["where"]) if row["where"] else None
    return TestPlan(**known)


def _model_from_row(row: Mapping[str, Any]) -> ModelPlan:
    return ModelPlan(**{**row, "where": None})


def _context(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _gate_from_row(row: Mapping[str, Any]) -> GatePlan:
    quarantine = Quarantine(**row["quarantine"]) if row["quarantine"] else None
    where = Where(**row["where"]) if row["where"] else None
    flagging = Flagging(**row["flagging"]) if row.get("flagging") else None
    compared = _compared_from_row(row["compared"]) if row.get("compared") else None
    return GatePlan(**{**row, "quarantine": quarantine, "flagging": flagging, "compared": compared, "where": where})


def _compared_from_row(row: Mapping[str, Any]) -> Compared:
    baseline = ReplyBaseline(**row["baseline"]) if row["baseline"] else None
    return Compared(
        **{**row, "baseline": baseline, "sentences": tuple(row["sentences"]), "gone": tuple(row.get("gone", ()))}
    )


def plan_digest(tests: tuple[TestPlan, ...]) -> str:
    """Digest of everything that decides a run's verdicts; where things stand in files does not count."""
    return digest([_placeless(test) for test in tests])


def _placeless(value: Any) -> Any:
    """A plan without the places of its parts. By type: a user's variable may well be called `where`."""
    if isinstance(value, Where):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _placeless(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _placeless(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_placeless(item) for item in value]
    return value
