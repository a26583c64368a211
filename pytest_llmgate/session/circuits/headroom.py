"""How much more noise an assertion would bear before it would be broken."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_llmgate.core.plan import SUCCESS_PROBABILITY, GatePlan
from pytest_llmgate.quantum.assertions import expectation_limits, tolerance
from pytest_llmgate.stats.shots.grouping import grouper
from pytest_llmgate.stats.shots.headroom import noise_headroom
from pytest_llmgate.stats.shots.identity_plan import DECLARED_TVD
from pytest_llmgate.stats.shots.observable import Observable

Probabilities = Mapping[str, float]


def headroom(
    gate: GatePlan, levels: Mapping[float, Probabilities], reference: Probabilities | None, widths: tuple[int, ...]
) -> float | None:
    """The factor of today's noise at which the assertion's limit is crossed; None where it is beyond the levels.

    1 where the limit is crossed already: between good and bad such a circuit may still pass. levels: exact
    probabilities by factor, from 1 on. reference: of a distribution gate. A gate on the reference's own distribution
    bears noise until its TVD is one that is told apart. Raises ValueError for a group that makes no sense.
    """
    factors = sorted(levels)
    values, limit, more_is_better = _figures(gate, [levels[factor] for factor in factors], reference, widths)
    if values[0] < limit if more_is_better else values[0] > limit:
        return 1.0
    found = noise_headroom(factors, values, limit)
    return None if found is None else float(f"{found:.4g}")


def _figures(
    gate: GatePlan, each: list[Probabilities], reference: Probabilities | None, widths: tuple[int, ...]
) -> tuple[list[float], float, bool]:
    """The figure that the gate limits at each level, its limit, and whether more of it is better."""
    if gate.type == SUCCESS_PROBABILITY:
        wanted = frozenset(gate.params["bitstrings"])
        rates = [sum(p for name, p in level.items() if name in wanted) for level in each]
        return ([1.0 - rate for rate in rates] if gate.inverted else rates), gate.good, True
    if gate.type == "expectation":
        observable = Observable.parse(gate.params["observable"], widths)
        means = [sum(p * observable.value(name) for name, p in level.items()) for level in each]
        side, limit, _ = expectation_limits(gate.params, gate.where)
        return means, limit, side == "min"
    group = gate.params.get("group_by")
    fold = (lambda p: dict(p)) if group is None else grouper(group, widths).fold
    limits = tolerance(gate.params, gate.where)
    against = fold(reference or {})
    return [tvd(fold(level), against) for level in each], limits[0] if limits else DECLARED_TVD, False


def tvd(p: Probabilities, q: Probabilities) -> float:
    """Total variation distance of two distributions by outcome."""
    return sum(abs(p.get(name, 0.0) - q.get(name, 0.0)) for name in {*p, *q}) / 2.0
