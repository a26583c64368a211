"""The assertion types that ask about shots: what each takes, checked before any circuit is loaded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.files import SuiteFiles

Side = Literal["min", "max"]
SIDES: tuple[Side, ...] = ("min", "max")
SOURCES = ("expected", "reference", "baseline")
BAD_FACTOR = 2.0  # the TVD that must be caught, where nobody says it, as a multiple of the one that is still good


@dataclass(frozen=True, slots=True)
class ShotsAssertion:
    """An assertion type about the outcomes of a circuit; a MeasureFactory whose question the session answers.

    rated: whether the ordinary rates (`min_rate`, …) belong to it. sound: raises for parameters that make no sense.
    """

    keys: frozenset[str]
    sound: Callable[[Mapping[str, Any], SuiteFiles, Where | None], None]
    rated: bool = False
    of_circuits: bool = True

    def rates(self, params: Mapping[str, Any]) -> tuple[float | None, float | None]:
        """No parameter implies a rate."""
        return None, None

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> None:
        """Check the parameters; raises LlmgateError."""
        self.sound(params, files, where)


def _wrong(message: str, where: Where | None, hint: str) -> LlmgateError:
    return problem("circuit-assertion", message, where, hint)


def _distribution(params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> None:
    """Exactly one thing to compare with, and distances that can be told apart."""
    given = [name for name in SOURCES if params.get(name) not in (None, False)]
    if len(given) != 1:
        found = "nothing to compare with" if not given else f"{' and '.join(given)}"
        raise _wrong(f"'distribution' has {found}", where, f"give exactly one of {', '.join(SOURCES)}")
    if given == ["expected"] and not isinstance(params["expected"], Mapping):
        raise _wrong("'expected' takes probabilities by bitstring", where, 'write {"00": 0.5, "11": 0.5}')
    if given == ["baseline"] and params["baseline"] is not True:
        raise _wrong("'baseline' takes true", where, "the figures come from the approved baseline file")
    if given == ["reference"]:
        _file(params["reference"], files, where)
    tolerance(params, where)


def tolerance(params: Mapping[str, Any], where: Where | None) -> tuple[float, float] | None:
    """`max_tvd` and `bad_tvd`, None where the reference's own distribution is asked for. Raises LlmgateError."""
    if params.get("max_tvd") is None:
        if params.get("bad_tvd") is not None:
            raise _wrong("'bad_tvd' stands without 'max_tvd'", where, "add the distance that is still good")
        return None
    good = _distance("max_tvd", params["max_tvd"], where)
    bad = _distance("bad_tvd", params.get("bad_tvd", min(1.0, BAD_FACTOR * good)), where)
    if not 0.0 < good < bad:
        raise _wrong(f"bad_tvd {bad:g} must lie above max_tvd {good:g}", where, "widen bad_tvd, or lower max_tvd")
    return good, bad


def _distance(name: str, value: Any, where: Where | None) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value <= 1.0:
        raise _wrong(f"{name!r} takes a total variation distance above 0, at most 1", where, "such as 0.05")
    return float(value)


def _file(value: Any, files: SuiteFiles, where: Where | None) -> None:
    if not isinstance(value, str) or not value:
        raise _wrong("'reference' takes a .qasm or .qpy file, or 'file.py:function'", where, "name the circuit")
    files.resolve(value.rpartition(":")[0] if ".py:" in value else value, where)


def _success(params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> None:
    """At least one bitstring, each as text."""
    strings = params.get("bitstrings")
    if not isinstance(strings, (list, tuple)) or not strings:
        raise _wrong("'success-probability' needs 'bitstrings'", where, 'write bitstrings: ["00", "11"]')
    for text in strings:
        if not isinstance(text, str):
            raise unquoted(text, where)


def unquoted(value: object, where: Where | None) -> LlmgateError:
    """The error for a bitstring that YAML made a number of."""
    message = f"{value!r} is a number, not a bitstring: YAML reads 010 as 8 and 00 as 0"
    return problem("bitstring-unquoted", message, where, 'quote it, such as "010"')


def _expectation(params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> None:
    """An observable, and one limit with what must be caught on its bad side."""
    if not isinstance(params.get("observable"), (str, Mapping)):
        raise _wrong("'expectation' needs an 'observable'", where, 'write observable: "ZZ", or {"ZZ": 0.5, "IZ": 1}')
    expectation_limits(params, where)


def expectation_limits(params: Mapping[str, Any], where: Where | None) -> tuple[Side, float, float]:
    """The side (`min` or `max`), the value that is still good, and the one that must be caught. Raises LlmgateError."""
    sides: list[Side] = [side for side in SIDES if params.get(f"{side}_value") is not None]
    if len(sides) != 1 or params.get("bad_value") is None:
        hint = "write min_value: 0.9, bad_value: 0.8, or max_value with a bad_value above it"
        raise _wrong("'expectation' needs one of 'min_value' and 'max_value', and 'bad_value'", where, hint)
    side = sides[0]
    good, bad = _number(f"{side}_value", params, where), _number("bad_value", params, where)
    if (bad >= good) if side == "min" else (bad <= good):
        place = "below the min_value" if side == "min" else "above the max_value"
        raise _wrong(f"bad_value {bad:g} must lie {place} {good:g}", where, "bad_value is what must be caught")
    return side, good, bad


def _number(name: str, params: Mapping[str, Any], where: Where | None) -> float:
    value = params[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _wrong(f"{name!r} takes a number", where, "such as 0.9")
    return float(value)


def _equivalent(params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> None:
    """A reference circuit, compared as states or as unitaries."""
    _file(params.get("reference"), files, where)
    if params.get("of", "state") not in ("state", "unitary"):
        raise _wrong("'of' takes state or unitary", where, "write of: unitary to compare on every input")


DISTRIBUTION = ShotsAssertion(
    frozenset({*SOURCES, "max_tvd", "bad_tvd", "bases", "group_by"}), _distribution
)  # fmt: skip
SUCCESS_PROBABILITY = ShotsAssertion(frozenset({"bitstrings"}), _success, rated=True)
EXPECTATION = ShotsAssertion(frozenset({"observable", "min_value", "max_value", "bad_value"}), _expectation)
EQUIVALENT = ShotsAssertion(frozenset({"reference", "of"}), _equivalent)
