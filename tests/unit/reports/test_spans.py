"""A run as spans: their tree, what they carry, and that no word of a reply is among it."""

from __future__ import annotations

from monitoring_samples import CIRCUIT, PROMPT, chunk, failed, plan, trial
from report_samples import failing, run_result, test_row

from pytest_llmgate.reports import semconv, spans
from pytest_llmgate.reports.asked import Asked
from pytest_llmgate.reports.otel import wants_traces
from pytest_llmgate.reports.spans import MOST_TRIALS, Span, run_span, started

_ASKED = Asked([plan()])


def _all(span: Span) -> list[Span]:
    return [span, *(inner for child in span.children for inner in _all(child))]


def test_a_trial_has_the_names_of_the_conventions() -> None:
    root = run_span(run_result(test_row()), [trial(3, scores={"is-json": 0.25})], _ASKED)
    (test,) = root.children
    (call,) = test.children
    assert (call.name, call.client, call.failed, call.length_s) == ("chat gpt-test", True, False, 0.3)
    assert call.attributes["gen_ai.operation.name"] == "chat"
    assert call.attributes["gen_ai.provider.name"] == "openai"
    assert call.attributes["gen_ai.request.model"] == "gpt-test"
    assert call.attributes["gen_ai.usage.input_tokens"] == 40
    assert call.attributes["gen_ai.usage.output_tokens"] == 10
    assert call.events[0].attributes == {
        "gen_ai.evaluation.name": "is-json", "gen_ai.evaluation.score.value": 0.25,
        "gen_ai.evaluation.score.label": "good",
    }  # fmt: skip
    assert test.events[0].attributes[semconv.EVALUATION_LABEL] == "pass"


def test_spans_stand_where_and_as_long_as_was_measured() -> None:
    rows = [
        trial(0, latency_ms=300.0, ended_at=1000.5), trial(1, latency_ms=800.0, ended_at=1001.0),
        trial(2, latency_ms=9000.0, replayed=True),
    ]  # fmt: skip
    root = run_span(run_result(test_row(), started="1970-01-01T00:16:39Z"), rows, _ASKED)
    assert root.times() == (999.0, 1001.0), "it ends with its last trial, where that is later than its own length says"
    (test,) = root.children
    assert test.times(999.0) == (1000.2, 1001.0)
    assert [call.times(1000.2) for call in test.children] == [(1000.2, 1000.5), (1000.2, 1001.0), (1000.2, 1000.2)]
    assert test.children[2].attributes["llmgate.trial.recorded_latency_s"] == 9.0


def test_what_was_replayed_as_a_whole_begins_with_the_run() -> None:
    root = run_span(run_result(test_row(), started="1970-01-01T00:16:39Z"), [trial(0, replayed=True)], _ASKED)
    assert root.children[0].times(999.0) == (999.0, 999.0)


def test_an_error_gives_its_kind_and_not_its_words() -> None:
    root = run_span(run_result(test_row()), [failed(0, "raised: my secret words")], _ASKED)
    call = root.children[0].children[0]
    assert (call.failed, call.attributes["error.type"]) == (True, "raised")
    assert "llmgate.timing" in call.attributes
    assert semconv.INPUT_TOKENS not in call.attributes


def test_no_word_of_a_reply_leaves() -> None:
    row = test_row(verdict="fail", failing=(failing(0, "my secret words"),), problems=("my secret words",))
    rows = [trial(0, reasons={"is-json": "my secret words"}, error="raised: my secret words")]
    root = run_span(run_result(row), rows, _ASKED)
    said = [str(span) for span in _all(root)]
    assert len(said) == 3
    assert not [text for text in said if "secret" in text]


def test_the_first_trials_of_a_test_and_how_many_more() -> None:
    root = run_span(run_result(test_row()), (trial(n) for n in range(MOST_TRIALS + 7)), _ASKED)
    (test,) = root.children
    assert len(test.children) == MOST_TRIALS
    assert test.attributes["llmgate.trials.left_out"] == 7
    assert spans.MOST_TRIALS_OF_RUN >= MOST_TRIALS


def test_a_hardware_job_shows_its_life() -> None:
    root = run_span(run_result(test_row(id=CIRCUIT, kind="circuit")), [chunk(0)], _ASKED)
    job = root.children[0].children[0]
    assert job.name == "quantum job"
    assert job.attributes["llmgate.quantum.device"] == "ibm_x"
    assert job.attributes["llmgate.quantum.running_s"] == 12.2
    assert job.attributes["llmgate.quantum.cost_usd"] == 4.8
    assert not [name for name in job.attributes if name.startswith("gen_ai.")]


def test_a_job_that_was_never_submitted_is_no_call_of_a_model() -> None:
    rows = [failed(0, "backend: cannot be reached", test=CIRCUIT)]
    root = run_span(run_result(test_row(id=CIRCUIT, kind="circuit")), rows, _ASKED)
    job = root.children[0].children[0]
    assert (job.name, job.failed, job.attributes["error.type"]) == ("quantum job", True, "backend")


def test_rows_of_no_known_test_are_left_alone() -> None:
    root = run_span(run_result(test_row()), [trial(0, test="gone")], _ASKED)
    assert [child.attributes["llmgate.test.id"] for child in root.children] == [PROMPT]
    assert root.children[0].children == []


def test_a_run_without_a_date_has_no_start() -> None:
    assert started(run_result(test_row())) is None
    assert started(run_result(test_row(), started="2026-11-26T12:00:00+00:00")) == 1_795_694_400


def test_nothing_is_sent_anywhere_by_default() -> None:
    there = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}
    assert not wants_traces({})
    assert not wants_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": " "})
    assert wants_traces(there)
    assert wants_traces({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://localhost:4318/v1/metrics"})
    assert not wants_traces({**there, "OTEL_SDK_DISABLED": "true"})
