"""The ports where rooms meet: each room implements or is given these, and imports no other room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.compared import Compared
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.plan import Flagging, GatePlan, ModelPlan, TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.core.reply import Redaction, Reply, Request, Usage
from pytest_llmgate.core.trial import Trial


class Measure(Protocol):
    """Turns one observation into a measurement. Pure: the same observation always measures the same."""

    def measure(self, case: Case, seen: Observation) -> Measurement: ...


@runtime_checkable
class FlaggingMeasure(Protocol):
    """A measure whose bad trials are flags of a calibration: the verdict also shows the rate behind the flags."""

    @property
    def flagging(self) -> Flagging: ...

    def measure(self, case: Case, seen: Observation) -> Measurement: ...


class GroupMeasure(Protocol):
    """Judges several trials of one case together. Of a measure that has this, `measure` is never asked in a run."""

    @property
    def repeats(self) -> int:
        """Trials of a group, at least 2."""

    def measure_together(self, case: Case, seen: Sequence[Observation]) -> Measurement:
        """The measurement of one group, its observations in the order of their repeats; pure, as `measure`."""


class MeasureFactory(Protocol):
    """An assertion type: what the registry holds for `type:`, without its `not-`."""

    @property
    def keys(self) -> frozenset[str]:
        """Names of its own parameters in a suite file."""

    def rates(self, params: Mapping[str, Any]) -> tuple[float | None, float | None]:
        """Default success rates (good, bad) that the parameters imply, such as those of `p95_ms`."""

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for parameters that make no sense."""


class Inquiry(NamedTuple):
    """What a judge is asked. vars: the same in parts, for judges that are Python functions."""

    messages: tuple[Mapping[str, Any], ...]
    vars: Mapping[str, Any]


@runtime_checkable
class AskingMeasure(Protocol):
    """A measure that reads what a model says of the reply; the model is asked within the trial, before it measures.

    key: measures of one key ask the same and share the answers, which stand under it in `Judging.answers`.
    judge: the model's alias. repeats: how often it is asked, with other seeds.
    """

    @property
    def key(self) -> str: ...

    @property
    def judge(self) -> str: ...

    @property
    def repeats(self) -> int: ...

    def inquiry(self, case: Case, reply: Reply) -> Inquiry | None:
        """What to ask of a reply; None where it cannot be asked about, which leaves a hole."""

    def measure(self, case: Case, seen: Observation) -> Measurement: ...


class Comparer(Protocol):
    """Looks up what a gate is compared with."""

    def __call__(self, plan: TestPlan, gate: GatePlan) -> Compared:
        """The gate's baseline, and how the test of today stands to it. Raises LlmgateError for a broken file."""


class AssertionTypes(Protocol):
    """The registry, as the compiler sees it."""

    def assertion(self, name: str, where: Where | None = None) -> MeasureFactory:
        """The factory of an assertion type without `not-`; raises for unknown and not yet available types."""


@runtime_checkable
class Subject(Protocol):
    """What is under test, where sampling it awaits."""

    async def sample(self, trial: Trial) -> Observation: ...


@runtime_checkable
class BlockingSubject(Protocol):
    """What is under test, where it is plain synchronous Python: it runs in threads of the engine."""

    def sample_now(self, trial: Trial) -> Observation: ...


class CallKey(NamedTuple):
    """Identity of a call for the cassette: which repeat, which call within the trial, which twin of a case.

    private: the reply is asked anew each time and is not kept.
    """

    repeat: int
    ordinal: int = 0
    twin: int = 0
    private: bool = False


class Answer(NamedTuple):
    """A reply with what it took to get it. queued_ms: waiting for our limits and back-off."""

    reply: Reply
    usage: Usage
    queued_ms: float = 0.0
    replayed: bool = False


class Caller(Protocol):
    """Asks a model: cassette, budget, rate limits, retries and redaction are behind it. Raises CallFailed."""

    async def ask(self, model: ModelPlan, request: Request, key: CallKey) -> Answer: ...


class CallFailed(Exception):  # noqa: N818 - reads as what happened
    """A call that gave no reply. kind and fatal: as in TrialError."""

    def __init__(self, kind: str, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.fatal = fatal


class ProviderError(Exception):
    """A provider's refusal or fault.

    retryable: a transport error or 429/5xx before any content came. retry_after_s: what the server asked for.
    """

    def __init__(self, message: str, *, retryable: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class Provider(Protocol):
    """Where replies come from.

    Its build function may say `live = False`: calls stay in this process and cost nothing, so no cassette applies.
    """

    async def complete(self, request: Request) -> Reply:
        """One attempt; raises ProviderError. Sets `latency_ms` on the reply to that of this attempt."""

    async def close(self) -> None: ...


class Prices(Protocol):
    """Prices by model name."""

    def cost(self, model: str, usage: Usage) -> Decimal | None:
        """USD of a usage, or None where the model is not in the table."""

    def ceiling(self, request: Request) -> Decimal | None:
        """An upper bound in USD of what a request can cost, or None where the model is not in the table."""


class Cassette(Protocol):
    """Recorded replies of one suite."""

    def find(self, request: Request, key: CallKey) -> Reply | None: ...

    def keep(self, request: Request, key: CallKey, reply: Reply) -> None: ...


class Redactor(Protocol):
    """The one place where private text is replaced, keeping formats; doing it twice changes nothing more."""

    def redact(self, text: str) -> tuple[str, tuple[Redaction, ...]]: ...


class Ledger(Protocol):
    """Money and rates of a run, shared by its workers."""

    def reserve(self, amount: Decimal) -> bool:
        """Set money aside; False where the budget does not allow it."""

    def settle(self, reserved: Decimal, spent: Decimal) -> None: ...

    @property
    def reserved(self) -> Decimal:
        """USD set aside for calls under way, by all workers."""

    @property
    def spent(self) -> Decimal:
        """USD spent so far, by all workers."""

    @property
    def exhausted(self) -> bool:
        """Whether what was spent has reached the budget."""

    def turn(self, provider: str, per_minute: float) -> float:
        """Seconds to wait for the next allowed request of a provider, which is thereby taken."""


class Payments(Protocol):
    """Money of calls that no price says before what they may cost."""

    def refusal(self) -> str:
        """Why no further call may be made, or nothing."""

    def book(self, usage: Usage) -> None:
        """Count one answered call."""


class Journal(Protocol):
    """Where completed trials are written at once, so that nothing paid for is lost."""

    def append(self, record: TrialRecord, text: str | None, extra: Mapping[str, Any] | None = None) -> None: ...


class EarlierTrials(Protocol):
    """Trials that an interrupted start of this run completed."""

    def get(self, trial: Trial) -> TrialRecord | None: ...


class Places(Protocol):
    """Trials that may be in flight over all processes of a run, where workers outnumber them."""

    def acquire_nowait(self) -> bool: ...

    def release(self) -> None: ...


class Designs(Protocol):
    """Cache of sequential designs, kept between runs."""

    def get(self, key: str) -> Mapping[str, Any] | None: ...

    def put(self, key: str, design: Mapping[str, Any]) -> None: ...


class Renderer(Protocol):
    """A report: what the registry holds for `--llm-report NAME`. All of them render the one result, computed once."""

    def active(self, environ: Mapping[str, str]) -> bool:
        """Whether it is on where nobody names it, as in a job of its CI system."""

    def render(self, result: Mapping[str, Any], view: RunView) -> Rendered:
        """The report of a run; result: the content of `result.json`. Whatever it raises is told and changes nothing."""
