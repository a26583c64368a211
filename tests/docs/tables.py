"""The tables of figures in docs/explanation: computed here, compared by a test. Run this file to write them anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from scipy.stats import chi2

from pytest_llmgate.stats.design import SequentialDesign, design_sequential
from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.intervals import zero_fail_n
from pytest_llmgate.stats.looks import fixed_n
from pytest_llmgate.stats.pair_bets import natural_pairs, wald_pairs
from pytest_llmgate.stats.paired import PairedGoal, PairedRate, paired_figures
from pytest_llmgate.stats.shots.identity_plan import SCREEN_POWER, SCREEN_TVD
from pytest_llmgate.stats.shots.screen import screen_shots

FOLDER = Path(__file__).parents[2] / "docs/explanation"
_PLACE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_PAIRS = (
    (0.99, 0.98), (0.99, 0.97), (0.99, 0.95), (0.99, 0.90), (0.98, 0.96), (0.98, 0.95), (0.98, 0.90), (0.95, 0.93),
    (0.95, 0.90), (0.95, 0.85), (0.95, 0.80), (0.90, 0.85), (0.90, 0.80), (0.90, 0.70), (0.80, 0.70), (0.80, 0.60),
    (0.50, 0.40),
)  # fmt: skip


def _design(good: float, bad: float, *, family: int = 1, ceiling: int | None = None) -> SequentialDesign:
    return design_sequential(RateGoal(good=good, bad=bad, family=family), ceiling)


def _table(head: str, rows: Iterable[Iterable[object]]) -> str:
    lines = [[part.strip() for part in head.split("|")], *([str(part) for part in row] for row in rows)]
    lines.insert(1, ["---:"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def calls() -> str:
    """Calls to expect by pairs of rates."""
    rows = []
    for good, bad in _PAIRS:
        design = _design(good, bad)
        means = [f"{design.oc(rate).mean_n:,.0f}" for rate in (1.0, good, (good + bad) / 2, bad)]
        rows.append([f"{good:.2f}", f"{bad:.2f}", *means, f"{design.ceiling:,}", f"{fixed_n(design.goal)[0]:,}"])
    return _table("good | bad | perfect | good | between | bad | at most | fixed", rows)


def passing() -> str:
    """How often builds of different quality pass at .95/.90."""
    design = _design(0.95, 0.90)
    rates = (1.0, 0.97, 0.96, 0.95, 0.94, 0.93, 0.92, 0.91, 0.90, 0.88, 0.85)
    return _table("the build is right | it passes", [[f"{100 * p:g} %", _chance(design.oc(p).p_pass)] for p in rates])


def _chance(probability: float) -> str:
    return f"{100 * probability:.1f} %"


def ceilings() -> str:
    """How often a ceiling leaves .95/.90 undecided."""
    rows = []
    for ceiling in (20, 40, 60, 100, 200, 300):
        design = _design(0.95, 0.90, ceiling=ceiling)
        ends = [design.oc(rate) for rate in (0.95, 0.90)]
        rows.append([ceiling, *(_chance(end.p_inconclusive) for end in ends), _chance(ends[0].p_pass)])
    return _table("`trials` | inconclusive at 95 % | inconclusive at 90 % | pass at 95 %", rows)


def families() -> str:
    """What sharing alpha costs at .95/.90."""
    rows = []
    for family in (1, 2, 6, 20, 50, 200):
        design = _design(0.95, 0.90, family=family)
        found = [f"{design.oc(rate).mean_n:,.0f}" for rate in (1.0, 0.95, 0.90)]
        rows.append([family, f"{100 * design.goal.alpha_used:.3g} %", *found, f"{design.ceiling:,}"])
    return _table("gates (M) | alpha of each | calls if perfect | if good | if bad | at most", rows)


def zero() -> str:
    """Clean trials that rule out a rate of violations."""
    rates = (0.05, 0.02, 0.01, 0.005, 0.001)
    return _table(
        "a rate of | is ruled out by clean trials", [[f"{100 * p:g} %", f"{zero_fail_n(p):,}"] for p in rates]
    )


_SHOTS = 4096
_DRAWS = 4000
_MODELS = {
    "2 equal outcomes": [0.5, 0.5],
    "2 large and 6 small ones": [0.475, 0.475, *[0.05 / 6] * 6],
    "1,024 equal ones": [1 / 1024] * 1024,
    "4 large and 60 rare ones": [0.2485] * 4 + [1e-4] * 60,
}


def counts() -> str:
    """What a plain chi-square test and a fixed TVD do at 4,096 shots: without a change, and with a TVD of 0.05."""
    head = "outcomes | χ² at 1 %: false alarms | finds TVD 0.05 | TVD at most 0.05: false alarms | finds TVD 0.05"
    rows = []
    for name, listed in _MODELS.items():
        p = np.array(listed)
        rates = zip(_alarms(p, p), _alarms(p, _shifted(p)), strict=True)
        rows.append([name, *(f"{100 * rate:.1f} %" for pair in rates for rate in pair)])
    return _table(head, rows)


def _shifted(p: np.ndarray) -> np.ndarray:
    """0.05 of the mass moved: between the two largest of few outcomes, from one half of many to the other."""
    moved = p.copy()
    if len(p) > 100:
        moved[: len(p) // 2] *= 0.9
        moved[len(p) // 2 :] *= 1.1
    else:
        moved[:2] += [-0.05, 0.05]
    return moved


def _alarms(p: np.ndarray, q: np.ndarray) -> tuple[float, float]:
    """How often counts drawn from q are refused as draws from p: by chi-square at 1 %, by a TVD above 0.05."""
    drawn = np.random.default_rng(1).multinomial(_SHOTS, q, _DRAWS)
    pearson = ((drawn - _SHOTS * p) ** 2 / (_SHOTS * p)).sum(axis=1)
    apart = np.abs(drawn / _SHOTS - p).sum(axis=1) / 2
    return float((pearson > chi2.isf(0.01, len(p) - 1)).mean()), float((apart > 0.05).mean())


def screens() -> str:
    """Shots before which a circuit cannot pass with `screen: full`."""
    rows = []
    for outcomes in (2, 4, 32, 256, 1024):
        p = np.full(outcomes, 1 / outcomes)
        found = [screen_shots(p, level=0.2 * alpha, tvd=SCREEN_TVD, power=SCREEN_POWER) for alpha in (0.01, 0.0005)]
        rows.append([f"{outcomes:,}", *(f"{screen.shots:,}" for screen in found)])
    return _table("equal outcomes | N, one gate | N, one of 20 gates", rows)


def suites() -> str:
    """200 tests with one gate each: what is blocked of a good build, caught of a bad one, and paid."""
    rows = []
    for good, bad in ((0.95, 0.90), (0.90, 0.80), (0.99, 0.95)):
        alone, shared = _design(good, bad), _design(good, bad, family=200)
        rows.append(
            [
                f"{good:.2f}",
                f"{bad:.2f}",
                *(_chance(1 - (1 - found.oc(good).p_fail) ** 200) for found in (alone, shared)),
                _chance(shared.oc(bad).p_fail),
                *(f"{shared.oc(p).mean_n / alone.oc(p).mean_n:.2f}" for p in (good, (1 + good) / 2, bad)),
            ]
        )
    return _table(
        "good | bad | good suite fails, no control | with it | a bad test fails | calls if good | half-way to perfect "
        "| bad",
        rows,
    )


def pairs() -> str:
    """Pairs to expect at baseline .92, margin 5 points, by how alike replies to one case are."""
    rows = []
    for icc in (0.0, 0.3, 0.6, 0.9):
        apart = 2 * 0.92 * 0.08 * (1 - icc)
        most = natural_pairs(0.05, apart, 0.05, 0.05)
        found = paired_figures(PairedRate(goal=PairedGoal(margin=0.05), ceiling=most, discordance=apart))
        bound = wald_pairs(0.05, apart, 0.05, 0.05)
        mean = (f"{n:.0f}" for n in (bound, found.mean_same, found.mean_worse))
        rows.append([f"{icc:g}", f"{100 * apart:.1f} %", *mean, f"{most:,}"])
    return _table(
        "ICC | replies to a case differ | Wald's bound | pairs if the same | if 5 points worse | at most", rows
    )


TABLES: Mapping[str, Callable[[], str]] = {
    "counts": counts,
    "screens": screens,
    "calls": calls,
    "pass": passing,
    "ceiling": ceilings,
    "family": families,
    "pairs": pairs,
    "suites": suites,
    "zero": zero,
}


def places(page: Path) -> list[tuple[str, str]]:
    """The tables of a page: names, and what stands there."""
    return [(found[2], found[3]) for found in _PLACE.finditer(page.read_text(encoding="utf-8"))]


def write() -> None:
    """Write every table anew."""
    for page in FOLDER.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_PLACE.sub(lambda found: found[1] + TABLES[found[2]]() + found[4], text), encoding="utf-8")


if __name__ == "__main__":
    write()
