"""Rates of an assertion as written, read into success rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.rates import opposite
from pytest_llmgate.suites.keys import RATE_KEYS
from pytest_llmgate.suites.node import Node

GOOD = 0.95


def rates_of(
    keys: Mapping[str, Node],
    defaults: tuple[float | None, float | None],
    where: Where,
    *,
    turned: bool = True,
    flagged: bool = False,
) -> dict[str, Any]:
    """Success rates `good` and `bad` of the keys as written, and how they are reported.

    turned: whether with `max_rate` a trial is good where the assertion does not hold. flagged: the defaults come from
    rates of flagged replies, which exclude others and are reported as such.
    """
    if flagged and not RATE_KEYS.keys().isdisjoint(keys):
        raise problem("rates-both", "rates of flagged replies exclude all others", where, "keep one of the two")
    given = {key: float(keys[key].value) for key in ("min_rate", "max_rate", "bad_rate") if key in keys}
    if "min_rate" in given and "max_rate" in given:
        raise problem("rates-both", "'min_rate' and 'max_rate' exclude each other", where, "keep one of the two")
    by_itself = defaults[0] == 1.0 and not given.keys() & {"min_rate", "max_rate"}
    strict = by_itself or ("zero_tolerance" in keys and keys["zero_tolerance"].value is True)
    unwanted = flagged or "max_rate" in given or (strict and "min_rate" not in given)
    good = _good(given, defaults[0], strict, where)
    inverted = turned and "max_rate" in given
    return {"good": good, "unwanted": unwanted, "inverted": inverted, **_bad(given, good, defaults[1], unwanted, where)}


def _good(given: Mapping[str, float], default: float | None, strict: bool, where: Where) -> float:
    good = 1.0 if strict else default if default is not None else GOOD
    if "min_rate" in given:
        good = given["min_rate"]
    elif "max_rate" in given:
        good = opposite(given["max_rate"])
    if strict and good < 1.0:
        hint = "delete one of the two"
        raise problem("rates-both", "'zero_tolerance' leaves no room for a rate of violations", where, hint)
    if good <= 0.0:
        raise problem("rates-impossible", "every build would be good", where, "set min_rate above 0, max_rate below 1")
    return good


def _bad(
    given: Mapping[str, float], good: float, default: float | None, unwanted: bool, where: Where
) -> dict[str, Any]:
    """The bad success rate: as written, as the parameters imply, or marked as still to be chosen."""
    if "bad_rate" not in given:
        own_rates = "min_rate" in given or "max_rate" in given
        implied = None if own_rates or default is None or default >= good else default
        return {"bad_assumed": True} if implied is None else {"bad": implied}
    bad = opposite(given["bad_rate"]) if unwanted else given["bad_rate"]
    if bad >= good:
        side, of, limit = ("above", "max_rate", opposite(good)) if unwanted else ("below", "min_rate", good)
        message = f"bad_rate {given['bad_rate']:g} must lie {side} the {of} {limit:g}"
        raise problem(
            "rates-wrong-side", message, where, "bad_rate is what must be caught, the other what is still good"
        )
    if bad <= 0.0:
        raise problem("rates-impossible", f"bad_rate {given['bad_rate']:g} catches nothing", where, "move it inwards")
    return {"bad": bad}
