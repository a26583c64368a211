"""Run by another environment's Python: what the assertions of other packages say of counts drawn here.

Takes the path of a JSON file, `{"runs": N, "shots": N, "seed": N, "models": {name: {law: {outcome: p}}}}`, where each
model has the laws `good` and others that must be caught. Prints for each assertion, model and law the part of runs that
failed, null where the assertion refuses to decide or its package is not installed.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Assertion = Callable[[dict[str, int], dict[str, float]], Any]


def main() -> None:
    """Count failures of every assertion on the same draws."""
    warnings.simplefilter("ignore")
    with open(sys.argv[1], encoding="utf-8") as file:
        asked = json.load(file)
    found: dict[str, Any] = {}
    for number, (model, laws) in enumerate(asked["models"].items()):
        for place, (law, p) in enumerate(laws.items()):
            outcomes, shares = list(p), np.array(list(p.values()))
            rng = np.random.default_rng([asked["seed"], number, place])
            drawn = rng.multinomial(asked["shots"], shares / shares.sum(), asked["runs"])
            counts = [{o: int(c) for o, c in zip(outcomes, row, strict=True) if c} for row in drawn]
            expected = {outcome: share for outcome, share in laws["good"].items() if share > 0.0}
            for name, assertion in _assertions().items():
                found.setdefault(name, {}).setdefault(model, {})[law] = _failed(assertion, counts, expected)
    print(json.dumps(found))


def _failed(assertion: Assertion, every: list[dict[str, int]], expected: Mapping[str, float]) -> float | None:
    failed = 0
    for counts in every:
        try:
            assertion(counts, dict(expected))
        except AssertionError:
            failed += 1
        except Exception:  # it refuses: too few shots, or an outcome that it does not expect
            return None
    return failed / len(every)


def _assertions() -> dict[str, Assertion]:
    """Of the packages that are installed, each at its defaults; and the chi-square that everybody writes."""
    found: dict[str, Assertion] = {"chi-square at 0.01": _chi_square}
    try:
        from pytest_quantum import assert_measurement_distribution

        found["pytest-quantum chi-square"] = assert_measurement_distribution
    except ImportError:
        pass
    try:
        from qcoherence.assertions import assert_distribution_close
        from qcoherence.stats import assert_distribution_fits

        found["qcoherence TVD"] = assert_distribution_close
        found["qcoherence chi-square"] = assert_distribution_fits
    except ImportError:
        pass
    try:
        from qontinuum import assert_distribution
        from qontinuum.assertions import assert_chi_squared

        found["qontinuum TVD"] = assert_distribution
        found["qontinuum chi-square"] = assert_chi_squared
    except ImportError:
        pass
    return found


def _chi_square(counts: dict[str, int], expected: dict[str, float]) -> None:
    from scipy.stats import chi2

    shots = sum(counts.values())
    if any(outcome not in expected for outcome in counts):
        raise AssertionError("an outcome that is not expected")
    statistic = sum((counts.get(o, 0) - shots * p) ** 2 / (shots * p) for o, p in expected.items())
    if len(expected) > 1 and chi2.sf(statistic, len(expected) - 1) < 0.01:
        raise AssertionError("another distribution")


if __name__ == "__main__":
    main()
