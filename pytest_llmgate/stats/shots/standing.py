"""What the shots of a stream say of each change that it was held against, and how surely they would have shown it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from pytest_llmgate.stats.shots.catch import catches
from pytest_llmgate.stats.shots.distances import rounded
from pytest_llmgate.stats.shots.fixed_power import fixed_power
from pytest_llmgate.stats.shots.hypotheses import tvd
from pytest_llmgate.stats.shots.identity import IdentityRule
from pytest_llmgate.stats.shots.minp import FixedIdentityRule
from pytest_llmgate.stats.shots.rule import Seen, ShotsRule

SHOWN: Final = 40
"""Changes that have a row of their own; the others are summed up."""

_DECIMALS = 3  # of a power


class Standing(NamedTuple):
    """One change after so many shots.

    ruled_out: by them, at risk beta; None of a rule with one look, which rules nothing out. power: the probability
    that a circuit with this change has failed by so many shots, power_ceiling: by the ceiling; None where unknown.
    """

    name: str
    tvd: float
    ruled_out: bool | None
    power: float | None
    power_ceiling: float | None


def standings(rule: ShotsRule, seen: Seen) -> dict[str, Any]:
    """JSON-ready: `alternatives`, the hardest first, and of the rest `alternatives_more`; nothing of other rules.

    Deterministic: powers are those of `llmgate plan`, by its formulas, and simulated where they are simulated there.
    """
    if isinstance(rule, IdentityRule):
        found = sorted(_sequential(rule, seen), key=_hardest)
        return _listed(found[:SHOWN], found[SHOWN:])
    if isinstance(rule, FixedIdentityRule):
        return _listed(*_fixed(rule, seen))
    return {}


def _hardest(item: Standing) -> tuple[bool, float, float, float, str]:
    return item.ruled_out is True, item.power or 0.0, item.power_ceiling or 0.0, item.tvd, item.name


def _sequential(rule: IdentityRule, seen: Seen) -> list[Standing]:
    p, ceiling = rule.reference.p, rule.looks[-1]
    return [
        Standing(
            other.name,
            rounded(tvd(p, other.p)),
            ruled_out,
            round(catch.power(seen.shots), _DECIMALS),
            round(catch.power(ceiling), _DECIMALS),
        )
        for (other, catch), ruled_out in zip(catches(rule), _ruled_out(rule, seen), strict=True)
    ]


def _ruled_out(rule: IdentityRule, seen: Seen) -> list[bool]:
    """Whether the likelihood ratio of reference and alternative is at 1 / beta.

    An outcome that the reference excludes makes it 0, unless the alternative excludes one that was seen as well.
    """
    shown = seen.counts > 0
    if (rule.reference.p[shown] <= 0.0).any():
        return [bool((other.p[shown] <= 0.0).any()) for other in rule.declared]
    ratios = rule.process.log_ratios(seen.counts)[: len(rule.declared)]
    return [bool(ratio <= math.log(rule.beta)) for ratio in ratios]


def _fixed(rule: FixedIdentityRule, seen: Seen) -> tuple[list[Standing], list[Standing]]:
    """The nearest alone, as their power is simulated; none of a stream that was cut, at which no one has looked."""
    p = rule.reference.p
    ordered = sorted(rule.alternatives, key=lambda other: (rounded(tvd(p, other.p)), other.name))
    unknown = [Standing(other.name, rounded(tvd(p, other.p)), None, None, None) for other in ordered]
    if seen.shots < rule.shots:
        return unknown[:SHOWN], unknown[SHOWN:]
    chances = fixed_power(replace(rule, alternatives=tuple(ordered[:SHOWN])))
    near = [Standing(item.name, rounded(item.tvd), None, round(item.power, _DECIMALS), None) for item in chances]
    return near, unknown[SHOWN:]


def _listed(shown: Sequence[Standing], rest: Sequence[Standing]) -> dict[str, Any]:
    found: dict[str, Any] = {"alternatives": [item._asdict() for item in shown]}
    if rest:
        found["alternatives_more"] = {
            "number": len(rest),
            "ruled_out": None if rest[0].ruled_out is None else sum(bool(item.ruled_out) for item in rest),
            "power": _least([item.power for item in rest]),
            "power_ceiling": _least([item.power_ceiling for item in rest]),
        }
    return found


def _least(powers: Sequence[float | None]) -> float | None:
    known = [power for power in powers if power is not None]
    return min(known) if len(known) == len(powers) else None
