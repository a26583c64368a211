"""Rows of trials and plans, for the tests of metrics and traces."""

from __future__ import annotations

from typing import Any

PROMPT = "suites/support.suite.yaml::refund-answers"
CIRCUIT = "suites/bell.suite.yaml::bell"


def trial(index: int = 0, **changes: Any) -> dict[str, Any]:
    row = {
        "test": PROMPT, "case": "c1", "index": index, "repeat": 0, "seed": 1, "verdicts": {"is-json": True},
        "scores": {},
        "usage": usage(1, 40, 10, "0.001"), "latency_ms": 300.0, "queued_ms": 0.0, "replayed": False, "overrun": False,
        "error": None, "reply": "abc",
    }  # fmt: skip
    return {**row, **changes}


def usage(calls: int, given: int | None, made: int | None, cost: str | None) -> dict[str, Any]:
    return {"calls": calls, "input_tokens": given, "output_tokens": made, "cost_usd": cost}


def failed(index: int, error: str = "timeout: no reply within 60 s", **changes: Any) -> dict[str, Any]:
    return trial(index, usage=usage(0, None, None, None), error=error, latency_ms=None, reply=None, **changes)


def chunk(index: int = 0, **job: Any) -> dict[str, Any]:
    life = {
        "device": "ibm_x", "tag": "t", "shots": 100, "id": "j1", "status": "done", "queue_s": 12.0, "run_s": 2.5,
        "billed_s": 3, "cost_usd": "4.8", "at_s": {"queued": 0.2, "running": 12.2, "done": 15.0}, "faults": 1,
    }  # fmt: skip
    outcome = {"shots": 100, "counts": {"00": 100}, "method": "hardware", "job": {**life, **job}}
    return trial(
        index, test=CIRCUIT, verdicts={}, usage=usage(1, None, None, "4.8"), latency_ms=15_000.0, outcome=outcome
    )


def plan(**changes: Any) -> dict[str, Any]:
    model = {"alias": "answerer", "provider": "openai", "model": "gpt-test"}
    return {"id": PROMPT, "kind": "prompt", "model": model, "models": {}, "judges": {}, **changes}
