"""metrics.prom: what is counted, as what, and what stays absent."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from monitoring_samples import CIRCUIT, PROMPT, chunk, failed, plan, trial, usage
from prometheus_client.parser import text_string_to_metric_families
from report_samples import HOSTILE, gate_verdict, run_result, test_row

from pytest_llmgate.reports.metrics import render_metrics

_MODEL = {"provider": "openai", "model": "gpt-test"}


def _figures(*rows: Mapping[str, Any], tests: tuple[dict[str, Any], ...] = (), plans: Any = None, **more: Any) -> Any:
    """Values by name and labels."""
    result = run_result(*(tests or (test_row(), test_row(id=CIRCUIT, kind="circuit"))))
    text = render_metrics(result, rows, [plan()] if plans is None else plans, **more)
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for s in samples}


def _of(name: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, tuple(sorted(labels.items()))


def test_requested_is_what_counts_and_billed_is_what_was_live() -> None:
    """A replayed reply is requested and costs nothing; a live one that came too late is billed and counts nowhere."""
    found = _figures(trial(0), trial(1, replayed=True), trial(2, overrun=True))
    assert found[_of("llm_requests_total", **_MODEL)] == 2
    assert found[_of("llm_requests_billed_total", **_MODEL)] == 2
    assert found[_of("llm_tokens_requested_total", type="input", **_MODEL)] == 80
    assert found[_of("llm_tokens_billed_total", type="output", **_MODEL)] == 20
    assert found[_of("llm_cost_estimate_usd_total", **_MODEL)] == 0.002
    assert found[_of("llmgate_trials_total", **_MODEL)] == 2


def test_recorded_latencies_are_not_those_of_today() -> None:
    found = _figures(trial(0, latency_ms=300.0), trial(1, latency_ms=9000.0, replayed=True))
    assert found[_of("llm_request_latency_seconds_count", **_MODEL)] == 1
    assert found[_of("llm_request_latency_seconds_bucket", le="0.25", **_MODEL)] == 0
    assert found[_of("llm_request_latency_seconds_bucket", le="0.5", **_MODEL)] == 1
    assert found[_of("llm_request_latency_seconds_sum", **_MODEL)] == 0.3


def test_unknown_is_absent() -> None:
    found = _figures(trial(0, usage=usage(1, None, None, None), latency_ms=None))
    names = {name for name, _ in found}
    assert "llm_requests_total" in names
    assert not {name for name in names if "tokens" in name or "cost" in name or "latency" in name}
    assert not {name for name in names if "quantum" in name or "hallucination" in name or "error" in name}


def test_errors_by_kind() -> None:
    found = _figures(trial(0), failed(1), failed(2), failed(3, "rate-limit: 429"), failed(4, overrun=True))
    assert found[_of("llmgate_trial_errors_total", kind="timeout", **_MODEL)] == 2
    assert found[_of("llmgate_trial_errors_total", kind="rate-limit", **_MODEL)] == 1
    assert found[_of("llmgate_trials_total", **_MODEL)] == 4


def test_judges_take_their_own_tokens() -> None:
    judges = {"models": {"strict": "gpt-judge-2026"}, "usage": usage(2, 100, 4, "0.01")}
    row = trial(0, usage=usage(3, 140, 14, "0.011"), judges=judges)
    judge = {"alias": "strict", "provider": "anthropic", "model": "judge-1"}
    found = _figures(row, plans=[plan(judges={"strict": judge})])
    assert found[_of("llm_requests_total", **_MODEL)] == 1
    assert found[_of("llm_tokens_billed_total", type="input", **_MODEL)] == 40
    assert found[_of("llm_requests_total", provider="anthropic", model="judge-1")] == 2
    assert found[_of("llm_cost_estimate_usd_total", provider="anthropic", model="judge-1")] == 0.01


def test_code_under_test_is_named_where_its_models_are_not_known() -> None:
    assert _of("llm_requests_total", provider="function", model="app.py:answer") in _figures(
        trial(0), plans=[plan(model=None, kind="function", function="app.py:answer")]
    )
    assert _of("llm_requests_total", provider="body", model="unknown") in _figures(
        trial(0), plans=[plan(model=None, kind="body")]
    )
    assert _of("llm_requests_total", provider="unknown", model="unknown") in _figures(trial(0), plans=[])


def test_the_mean_risk_is_of_the_replies_that_count() -> None:
    gates = (gate_verdict(name="is-json"), gate_verdict(name="facts", type="grounded"))
    rows = [trial(n, scores={"facts": risk, "is-json": 0.9}, overrun=n == 2) for n, risk in enumerate((0.1, 0.3, 0.9))]
    found = _figures(*rows, tests=(test_row(gates=gates),))
    of = {"suite": "support-bot", "test": PROMPT, "gate": "facts", "type": "grounded"}
    assert found[_of("llm_hallucination_score", **of)] == 0.2
    assert sum(name == "llm_hallucination_score" for name, _ in found) == 1


def test_verdicts_of_gates_and_of_the_run() -> None:
    failing = test_row(verdict="fail", gates=(gate_verdict(verdict="fail"),))
    found = _figures(tests=(failing,))
    assert found[_of("llmgate_run_verdict", verdict="fail")] == 1
    assert found[_of("llmgate_tests", verdict="fail")] == 1
    of = {"suite": "support-bot", "test": PROMPT, "gate": "is-json", "verdict": "fail"}
    assert found[_of("llmgate_gate_verdict", **of)] == 1


def test_the_life_of_hardware_jobs() -> None:
    lost = chunk(
        2, status="failed", at_s={"queued": 0.3, "failed": 8.0}, queue_s=None, run_s=None, billed_s=None, cost_usd=None
    )
    lost["outcome"] = {"job": lost["outcome"]["job"]}  # a job that gave no counts
    found = _figures(chunk(0), chunk(1), lost, unsettled={"bell on ibm_x": 1})
    device = {"device": "ibm_x"}
    assert found[_of("llmgate_quantum_jobs_total", status="done", **device)] == 2
    assert found[_of("llmgate_quantum_jobs_total", status="failed", **device)] == 1
    assert found[_of("llmgate_quantum_shots_total", method="hardware", **device)] == 200
    assert found[_of("llmgate_quantum_job_state_seconds_sum", state="running", **device)] == 24.4
    assert found[_of("llmgate_quantum_job_state_seconds_count", state="failed", **device)] == 1
    assert found[_of("llmgate_quantum_job_queue_seconds_count", **device)] == 2
    assert found[_of("llmgate_quantum_billed_seconds_total", **device)] == 6
    assert found[_of("llmgate_quantum_cost_usd_total", **device)] == 9.6
    assert found[_of("llmgate_quantum_unsettled_jobs", budget="bell on ibm_x")] == 1
    assert not {name for name, _ in found if name.startswith("llm_")}


def test_hostile_names_in_every_label_pass_prometheus_s_own_check(promtool: str) -> None:
    gates = (gate_verdict(name=HOSTILE, type="grounded"),)
    tests = (test_row(id=PROMPT, suite=HOSTILE, gates=gates), test_row(id=CIRCUIT, kind="circuit"))
    rows = (
        trial(0, scores={HOSTILE: 0.5}),
        failed(1, HOSTILE),
        chunk(0, device=HOSTILE, status=HOSTILE, at_s={HOSTILE: 1}),
    )
    model = {"provider": HOSTILE, "model": HOSTILE}
    text = render_metrics(run_result(*tests), rows, [plan(model=model)], {HOSTILE: 1})
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "::error" not in [line[:7] for line in text.splitlines()]
    assert text == render_metrics(run_result(*tests), rows, [plan(model=model)], {HOSTILE: 1})
