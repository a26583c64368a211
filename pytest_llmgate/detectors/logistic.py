"""Logistic regression with a ridge, for fitting and calibrating; numpy is loaded at the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_STEPS, _DONE = 60, 1e-7


def fit(
    rows: Any,
    labels: Any,
    *,
    ridge: float,
    weights: Any = None,
    prior: Any = None,
    rising: bool = False,
) -> tuple[float, ...]:
    """Weights of the columns, then the constant, by Newton's method.

    rows: n × d figures. labels: n of 0 and 1. ridge: pull of the weights towards the prior, at least 0; the constant
    is pulled only where there is a prior. weights: of the rows, 1 each by default. prior: d + 1 values, 0 by default.
    rising: no weight below 0, so that a larger figure never lowers the score.
    Penalised likelihood and its Newton step: Hastie, Tibshirani and Friedman, Elements of Statistical Learning, 4.4.
    """
    import numpy as np

    design = np.column_stack([np.asarray(rows, float), np.ones(len(labels))])
    truth = np.asarray(labels, float)
    mass = np.ones(len(truth)) if weights is None else np.asarray(weights, float)
    centre = np.zeros(design.shape[1]) if prior is None else np.asarray(prior, float)
    pull = np.full(design.shape[1], float(ridge))
    pull[-1] = max(1e-6, ridge if prior is not None else 0.0)
    found = centre.copy()
    for _ in range(_STEPS):
        step = _newton(design, truth, mass, pull, centre, found, rising)
        following = found - step
        if rising:
            following[:-1] = np.maximum(following[:-1], 0.0)
        moved = float(np.abs(following - found).max())
        found = following
        if moved < _DONE:
            break
    return tuple(float(value) for value in found)


def _newton(design: Array, truth: Array, mass: Array, pull: Array, centre: Array, found: Array, rising: bool) -> Array:
    """The step towards the optimum among the weights that may move."""
    import numpy as np

    chance = 1.0 / (1.0 + np.exp(-np.clip(design @ found, -35.0, 35.0)))
    slope = design.T @ (mass * (chance - truth)) + pull * (found - centre)
    curve = (design.T * (mass * chance * (1.0 - chance))) @ design + np.diag(pull + 1e-9)
    free = np.ones(len(found), bool)
    if rising:
        free[:-1] = ~((found[:-1] <= 0.0) & (slope[:-1] > 0.0))
    step = np.zeros(len(found))
    step[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
    largest = float(np.abs(step).max(initial=0.0))
    return step if largest <= 4.0 else step * (4.0 / largest)  # far from the optimum, Newton's step overshoots
