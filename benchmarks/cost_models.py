"""Tokens of simulated builds, and the betting rule that the shipped one is compared with.

Every case has an effect exp(N(0, 0.5)); a trial costs 200 x effect x noise tokens, rounded, noise of mean 1 and
drawn anew on both sides (the baseline holds as many trials as the candidate):
- `lognormal`: noise exp(N(0, 0.35));
- `both-heavy`: noise exp(N(0, 1.0)) on both sides, above 5 times the case's mean in 1.7 % of trials;
- `runaways`: lognormal, and 2 % of the candidate's trials cost 6 times as much, which is + 10 % in the mean.
With few cases, a case's own ratio is exp(N(0, 0.1)), scaled so that the mean over these cases is as stated.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy import stats

from pytest_llmgate.stats.ratio import Sums
from pytest_llmgate.stats.runaways import DEFAULT_FACTOR

Model = Literal["lognormal", "both-heavy", "runaways"]
Array = np.ndarray[Any, np.dtype[np.float64]]

CASE_SD, TRIAL_SD = 0.5, {"lognormal": 0.35, "both-heavy": 1.0, "runaways": 0.35}
OWN_RATIO_SD, SIZE = 0.1, 200.0
RUNAWAY_RATE, RUNAWAY_TIMES = 0.02, 6.0


def draw(
    rng: np.random.Generator, model: Model, shape: tuple[int, int, int], rise: float, own: bool
) -> tuple[Array, Array]:
    """Tokens of candidate and baseline, each of shape (runs, cases, rounds); rise 0.1 is + 10 %.

    `own`: the cases differ in their ratio as well, and `rise` is that of these cases.
    """
    runs, cases, _ = shape
    effect = SIZE * np.exp(rng.normal(0.0, CASE_SD, (runs, cases, 1)))
    ratio = np.ones((runs, cases, 1))
    if own:
        ratio = np.exp(rng.normal(0.0, OWN_RATIO_SD, (runs, cases, 1)))
        ratio *= effect.mean(axis=1, keepdims=True) / (ratio * effect).mean(axis=1, keepdims=True)
    candidate = effect * ratio * (1.0 + rise) * _noise(rng, model, shape)
    if model == "runaways":
        candidate *= np.where(rng.random(shape) < RUNAWAY_RATE, RUNAWAY_TIMES, 1.0)
    return np.rint(candidate), np.rint(effect * _noise(rng, model, shape))


def _noise(rng: np.random.Generator, model: Model, shape: tuple[int, ...]) -> Array:
    sd = TRIAL_SD[model]
    return np.exp(rng.normal(-0.5 * sd * sd, sd, shape))


def p_values(c: Array, b: Array, margin: float, within: bool) -> tuple[Array, Array]:
    """Of many runs at once: the levels at which `ratio_bounds` would pass and fail.

    Args: tokens of shape (runs, cases, rounds). The upper bound at error p lies at 1 + margin where Student's t
    of the linearised difference has the tail p; without a finite bound (baseline mean not above 0 at p) it does not.
    """
    mc, mb = c.mean(axis=2), b.mean(axis=2)
    k = mc.shape[1]
    if within:
        pc, pb = (x.var(axis=2, ddof=1) / x.shape[2] / k**2 for x in (c, b))
        vc, vb, cov = pc.sum(axis=1), pb.sum(axis=1), 0.0
        parts = np.concatenate([pc / mc.mean(axis=1)[:, None] ** 2, pb / mb.mean(axis=1)[:, None] ** 2], axis=1)
        df = parts.sum(axis=1) ** 2 / ((parts**2).sum(axis=1) / (c.shape[2] - 1))
    else:
        vc, vb, df = mc.var(axis=1, ddof=1) / k, mb.var(axis=1, ddof=1) / k, k - 1.0
        cov = ((mc - mc.mean(axis=1)[:, None]) * (mb - mb.mean(axis=1)[:, None])).sum(axis=1) / (k - 1) / k
    mc, mb = mc.mean(axis=1), mb.mean(axis=1)

    def t(r: float) -> Array:
        found: Array = (mc - r * mb) / np.sqrt(vc - 2.0 * r * cov + r * r * vb)
        return found

    exists = stats.t.sf(mb / np.sqrt(vb), df)
    return np.maximum(stats.t.cdf(t(1.0 + margin), df), exists), stats.t.sf(t(1.0), df)


def betting(c: Array, b: Array, margin: float, times: float, level: float) -> tuple[Array, Array]:
    """First trials at which a bettor passes and fails a run (n + 1: never), valid at any stop.

    Two bettors hold capital against "the mean of min(c, times x b) is at least (1 + margin) x that of b", and
    against "at most that of b"; bets are the plug-in mean over variance of what came before, cut at 0.9 of what
    the largest baseline case could lose. One trial a case, of shape (runs, n, 1).
    Source: Waudby-Smith & Ramdas (2024), JRSS-B 86, section 4 and appendix B (approximate GRAPA).
    """
    c, b = np.minimum(c[:, :, 0], times * b[:, :, 0]), b[:, :, 0]
    top = b.max(axis=1, keepdims=True)
    gain_pass, worst_pass = ((1.0 + margin) * b - c) / top, times - 1.0 - margin
    return _capital(gain_pass, worst_pass, level), _capital((c - b) / top, 1.0, level)


def _capital(gain: Array, worst: float, level: float) -> Array:
    count = np.arange(1, gain.shape[1] + 1)
    total, squares = np.cumsum(gain, axis=1), np.cumsum(gain**2, axis=1)
    mean = total / (count + 1)
    variance = (squares + 0.25 * worst) / (count + 1) - mean**2
    bet = np.clip(mean / (variance + mean**2), 0.0, 0.9 / worst)
    bet = np.concatenate([np.zeros((len(gain), 1)), bet[:, :-1]], axis=1)
    capital = np.cumsum(np.log1p(bet * gain), axis=1)
    crossed = capital >= np.log(1.0 / level)
    stops: Array = np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1, gain.shape[1] + 1)
    return stops


def sums(tokens: Array, trials: int, cases: int) -> list[Sums]:
    """What the first trials of one run hold for each case; tokens of shape (cases, rounds), visited in rounds."""
    rounds, rest = divmod(trials, cases)
    kept = []
    for k, row in enumerate(tokens[: min(trials, cases)]):
        seen = [int(v) for v in row[: rounds + (k < rest)]]
        kept.append(Sums(len(seen), sum(seen), sum(v * v for v in seen)))
    return kept


def runaway_counts(rng: np.random.Generator, model: Model, cases: int, rounds: int, before: int) -> tuple[int, int]:
    """Runaways of the candidate and of the baseline, against 3 times the mean of all but one baseline trial of a case.

    That of a baseline trial is the mean of the others; of the candidate's one standard deviation is left out, above and
    below in turn (see stats/yardsticks.py).
    """
    effect = SIZE * np.exp(rng.normal(0.0, CASE_SD, (cases, 1)))
    candidate = effect * _noise(rng, model, (cases, rounds))
    if model == "runaways":
        candidate *= np.where(rng.random((cases, rounds)) < RUNAWAY_RATE, RUNAWAY_TIMES, 1.0)
    baseline = effect * _noise(rng, model, (cases, before))
    others = (baseline.sum(axis=1, keepdims=True) - baseline) / (before - 1)
    spread = baseline.std(axis=1, keepdims=True) / (before - 1) * np.resize((1, -1), rounds)
    x = (candidate > DEFAULT_FACTOR * (baseline.mean(axis=1, keepdims=True) + spread)).sum()
    return int(x), int((baseline > DEFAULT_FACTOR * others).sum())
