"""Names of our markers, and which marks are ours. Light: the pytest plugin imports this at its start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MARKERS: Mapping[str, str] = {
    "stochastic": "stochastic(trials=, min_rate=, bad_rate=, seed=, workers=): gate how often the test's body passes",
    "schema_agreement": "schema_agreement(schema, min_rate=): gate how often the reply is JSON that obeys a schema",
    "latency": "latency(p95_ms=): gate how often the reply comes in time",
    "hallucination": "hallucination(sources=, max_flag_rate=, baseline=): gate how often a reply is "
    "flagged as not borne out by its sources",
    "cost_regression": "cost_regression(of=, max_increase=): gate what replies take against the approved baseline",
    "safety": "safety(policy): gate that the reply keeps every rule of a policy file",
    "circuit_distribution": "circuit_distribution(expected=, reference=, baseline=, max_tvd=, noise=, shots=): "
    "gate the outcomes of the circuit, or the counts, that the test's body returns",
    "llm_cases": "llm_cases(path or list): the cases of a gated test",
    "llm_suite": "llm_suite(path): the suite file whose models, prompts and defaults a module uses",
}
"""Help of every marker, for `--strict-markers` and `pytest --markers`."""

CIRCUIT_MARKER = "circuit_distribution"
PERCENTILES: Mapping[str, float] = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}
"""Parameters of `latency` that name a quantile, in milliseconds."""

_ALWAYS_OURS = frozenset(("stochastic", "schema_agreement", "circuit_distribution"))
_SIGNATURES: Mapping[str, frozenset[str]] = {
    "latency": frozenset((*PERCENTILES, "max_increase")),
    "hallucination": frozenset(
        ("sources", "baseline", "max_increase_points", "max_flag_rate", "bad_flag_rate")
    ),
    "cost_regression": frozenset(("of", "max_increase", "baseline")),
    "safety": frozenset(("policy",)),
}  # fmt: skip
_POLICY = (".yaml", ".yml", ".json")


def is_gate_marker(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a mark makes its test a gated one.

    name, args, kwargs: of the mark. Generic names (`latency`, `safety`, …) are ours only with an argument of our
    signatures; without one they are somebody else's and are left alone.
    """
    if name in _ALWAYS_OURS:
        return True
    if name == "safety" and len(args) == 1:
        return isinstance(args[0], str) and args[0].endswith(_POLICY)
    return not args and not _SIGNATURES.get(name, frozenset()).isdisjoint(kwargs)
