"""Sends a run's spans and metrics by OTLP. OpenTelemetry's SDK is imported when something is sent, and only here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from importlib.util import find_spec
from itertools import count
from typing import Any

from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.reports import semconv
from pytest_llmgate.reports.asked import UNKNOWN, Asked, Model
from pytest_llmgate.reports.exposition import measured
from pytest_llmgate.reports.spans import Span, run_span

_SIGNALS = ("TRACES", "METRICS")
EXTRA = "pytest-llmgate[otel]"
_SCOPE = "pytest_llmgate"
_BATCH = 512
Rows = Callable[[], Iterable[Mapping[str, Any]]]


class OtelReport:
    """A trace and metrics, sent to the collector that the environment names; it writes no file."""

    def active(self, environ: Mapping[str, str]) -> bool:
        return wants_traces(environ) and find_spec("opentelemetry") is not None

    def render(self, result: Mapping[str, Any], view: RunView) -> Rendered:
        if not wants_traces(view.environ):
            hint = "set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4318"
            raise problem("otel-endpoint", "no collector is named, so nothing was sent", None, hint)
        sent = export_run(result, view.trials, view.plans(), view.environ)
        return Rendered(lines=(f"otel: {sent} spans sent",))


def wants_traces(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a collector, and does not forbid to use it."""
    off = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not off and any(_named(signal, environ) for signal in _SIGNALS)


def _named(signal: str, environ: Mapping[str, str]) -> bool:
    """Whether there is an address for a signal. Without one the SDK would send to this machine: we send nothing."""
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return any(environ.get(name, "").strip() for name in names)


def export_run(
    result: Mapping[str, Any], trials: Rows, plans: Iterable[Mapping[str, Any]], environ: Mapping[str, str]
) -> int:
    """Send a run to the collector that the OTEL_EXPORTER_OTLP_* variables name; how many spans it took.

    result: the content of `result.json`. trials: the rows of `trials.jsonl`, read anew at each call. plans: rows of
    `plan.json`. environ: says what is sent; the SDK reads the addresses from the process itself. Raises LlmgateError
    where the extra is missing, or the collector did not take everything.
    """
    asked, sent = Asked(plans), 0
    with _installed(), _quiet():
        if _named("TRACES", environ):
            root = run_span(result, trials(), asked)
            sent = _send_spans(root, str(result["run"].get("id")))
        if _named("METRICS", environ):
            _send_metrics(trials(), asked, {test["id"] for test in result["tests"] if test.get("kind") == "circuit"})
    return sent


def _send_spans(root: Span, run_id: str) -> int:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=_resource(), id_generator=_ids(run_id), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    _emit(provider.get_tracer(_SCOPE), root, 0.0, None)
    spans: tuple[ReadableSpan, ...] = kept.get_finished_spans()
    exporter = OTLPSpanExporter()
    try:
        for first in range(0, len(spans), _BATCH):
            if exporter.export(spans[first : first + _BATCH]) is not SpanExportResult.SUCCESS:
                raise _not_taken("spans")
    finally:
        exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK's
    return len(spans)


def _emit(tracer: Any, span: Span, around_s: float, context: Any) -> None:
    """Start and end a span and all below it. around_s: the start of the span that it is in, in epoch seconds."""
    from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

    kind = SpanKind.CLIENT if span.client else SpanKind.INTERNAL
    start_s, end_s = span.times(around_s)
    made = tracer.start_span(span.name, context, kind, span.attributes, start_time=_nanoseconds(start_s))
    end_ns = _nanoseconds(end_s)
    for child in span.children:
        _emit(tracer, child, start_s, set_span_in_context(made))
    for event in span.events:
        made.add_event(semconv.EVALUATION, event.attributes, timestamp=end_ns)
    if span.failed:
        made.set_status(StatusCode.ERROR)
    made.end(end_ns)


def _nanoseconds(moment_s: float) -> int:
    return round(moment_s * 1e6) * 1000


def _send_metrics(rows: Iterable[Mapping[str, Any]], asked: Asked, circuits: set[str]) -> None:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], _resource(), shutdown_on_exit=False)
    meter = provider.get_meter(_SCOPE)
    tokens = meter.create_histogram(
        semconv.TOKEN_USAGE,
        "{token}",
        "Tokens of live calls.",
        explicit_bucket_boundaries_advisory=semconv.TOKEN_BOUNDS,
    )
    duration = meter.create_histogram(
        semconv.OPERATION_DURATION, "s", "Latency of live calls.",
        explicit_bucket_boundaries_advisory=semconv.DURATION_BOUNDS,
    )  # fmt: skip
    for row in rows:
        if row.get("test") not in circuits and not row.get("replayed"):
            _measure(row, asked, tokens, duration)
    data = reader.get_metrics_data()
    provider.shutdown()
    if data is None:
        return  # there is nothing to send
    exporter = OTLPMetricExporter()
    try:
        if exporter.export(data) is not MetricExportResult.SUCCESS:
            raise _not_taken("metrics")
    finally:
        exporter.shutdown()


def _measure(row: Mapping[str, Any], asked: Asked, tokens: Any, duration: Any) -> None:
    """The live calls of one trial. Tokens are those that were billed, as the conventions ask."""
    for who, usage in asked.usages(row):
        for kind, number in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if number is not None:
                tokens.record(number, {**_model(who), semconv.TOKEN_TYPE: kind})
    latency = measured(row.get("latency_ms"))
    if latency is not None:
        error = {semconv.ERROR_TYPE: str(row["error"]).partition(":")[0]} if row.get("error") else {}
        duration.record(float(latency) / 1000, {**_model(asked.subject(str(row.get("test")))), **error})


def _model(who: Model) -> dict[str, str]:
    named = {} if who.model == UNKNOWN else {semconv.REQUEST_MODEL: who.model}
    return {semconv.OPERATION: semconv.CHAT, semconv.PROVIDER: who.provider, **named}


def _resource() -> Any:
    """Who sends; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before our name."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    return Resource({"service.name": "pytest-llmgate"}).merge(OTELResourceDetector().detect())


def _ids(run_id: str) -> Any:
    """Identities of a trace and its spans from the run's id: sent twice, it is still one trace."""
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    class Derived(IdGenerator):
        def __init__(self) -> None:
            self._spans = count()

        def generate_trace_id(self) -> int:
            return _number(run_id, 16)

        def generate_span_id(self) -> int:
            return _number(f"{run_id}/{next(self._spans)}", 8)

    return Derived()


def _number(text: str, size: int) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "backslashreplace"), digest_size=size).digest()) or 1


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as fault:
        if (fault.name or "").partition(".")[0] != "opentelemetry":
            raise
        raise problem("otel-missing", "OpenTelemetry is not installed", None, f"pip install '{EXTRA}'") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the SDK's own log lines off the terminal: they may quote what a server says. Our error tells enough."""
    logger = logging.getLogger("opentelemetry")
    before = logger.propagate, logger.level
    logger.propagate, logger.level = False, logging.CRITICAL + 1
    try:
        yield
    finally:
        logger.propagate, logger.level = before


def _not_taken(what: str) -> LlmgateError:
    hint = "see whether it runs, and OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS; then: llmgate report RUN --only otel"
    return problem("otel-export", f"the collector did not take the {what}; the verdict is untouched", None, hint)
