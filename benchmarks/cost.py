"""How often a cost regression is decided rightly: looks, betting, few cases, plans, runaways (see cost_models)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import cost_models as models
from benchmarks.cost_yardsticks import CELLS as FEW_CELLS
from benchmarks.cost_yardsticks import Few, few_replies
from benchmarks.figures import Figure, Row
from benchmarks.options import Options
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.cost_rule import DEFAULT_LOOKS, CostGoal, CostRule, cost_rule, planned_n
from pytest_llmgate.stats.ratio import MANY_CASES
from pytest_llmgate.stats.runaways import DEFAULT_FACTOR, RunawayRule
from pytest_llmgate.stats.spending import Spending

GOAL = CostGoal(margin=0.10)
SHAPES: tuple[Spending, ...] = ("obrien-fleming", "pocock")
RUNS = 20_000
LEAST_PASS, LEAST_CAUGHT = 0.90, 0.95


class Cell(NamedTuple):
    """One simulated build. rise 0.1 is + 10 %; own: cases differ in their ratio."""

    model: models.Model
    cases: int
    rounds: int
    rise: float
    own: bool = False

    @property
    def label(self) -> str:
        trials = f"n = {self.cases}" if self.rounds == 1 else f"{self.cases} cases × {self.rounds}"
        return f"{self.model}, {trials}, + {100 * self.rise:.0f} %"


class Seen(NamedTuple):
    """How often a rule passed and failed, and its mean number of trials."""

    passed: float
    failed: float
    mean_n: float


BUILDS: tuple[tuple[models.Model, int, int, bool], ...] = (
    ("lognormal", 100, 1, False),
    ("lognormal", 400, 1, False),
    ("both-heavy", 100, 1, False),
    ("both-heavy", 400, 1, False),
    ("lognormal", 5, 80, True),
    ("lognormal", 20, 20, True),
    ("both-heavy", 20, 20, True),
)
CELLS = tuple(
    Cell(model, cases, rounds, rise, own) for model, cases, rounds, own in BUILDS for rise in (0.0, GOAL.margin)
)
RUNAWAY_CELLS = tuple(Cell("runaways", n, 1, 0.0) for n in (100, 400))


def measure(folder: Path, given: Options) -> list[Row]:
    """Every cell with a fixed seed, in as many processes as there are cores."""
    runs = RUNS // (10 if given.quick else 1)
    jobs = [(cell, runs) for cell in (*CELLS, *RUNAWAY_CELLS)]
    few = [(cell, runs // (40 if cell.sd > 0.35 else 20)) for cell in FEW_CELLS]
    kinds: tuple[models.Model, ...] = ("runaways", "both-heavy")
    tables = [(model, m, runs // 10) for model in kinds for m in (320, 2_000)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(simulate, jobs)
        caught = pool.map(runaways, tables)
        by_replies = pool.map(few_replies, few)
        planned = pool.map(plan_power, [(cases, runs // 10) for cases in (20, 300, 1_000)])
        rows = [row for (cell, _), seen in zip(jobs, found, strict=True) for row in _rows(cell, seen, runs)]
        rows += [row for table, seen in zip(tables, caught, strict=True) for row in _runaway_rows(*table, seen)]
        rows += [row for job, seen in zip(few, by_replies, strict=True) for row in _few_rows(*job, *seen)]
        rows += list(planned)
    return rows


def rules(cases: int, n: int) -> Iterator[tuple[str, CostRule]]:
    """The fixed rule, and two to five looks of either shape."""
    yield "fixed", cost_rule(GOAL, n, looks=1, cases=cases)
    for looks in range(2, 6):
        for shape in SHAPES:
            yield f"{looks} looks, {shape}", cost_rule(GOAL, n, looks=looks, cases=cases, spending=(shape, shape))


DEFAULT = f"{DEFAULT_LOOKS} looks, obrien-fleming"


def simulate(job: tuple[Cell, int]) -> dict[str, Seen]:
    """Every rule on the same runs of one build; the seed is made of the build."""
    cell, runs = job
    rng = np.random.default_rng([cell.cases, cell.rounds, round(100 * cell.rise), len(cell.model), 5])
    seen: dict[str, list[Seen]] = {}
    for _ in range(max(1, runs // 2_000)):
        tokens = models.draw(rng, cell.model, (min(runs, 2_000), cell.cases, cell.rounds), cell.rise, cell.own)
        for name, one in _judged(cell, *tokens):
            seen.setdefault(name, []).append(one)
    return {
        name: Seen(*(float(np.mean(column)) for column in zip(*parts, strict=True))) for name, parts in seen.items()
    }


def _judged(cell: Cell, c: models.Array, b: models.Array) -> Iterator[tuple[str, Seen]]:
    p_values: dict[int, tuple[models.Array, models.Array]] = {}
    for name, rule in rules(cell.cases, cell.cases * cell.rounds):
        for look in set(rule.looks) - set(p_values):
            k, rounds = (look, 1) if look <= cell.cases else (cell.cases, look // cell.cases)
            within = cell.cases < MANY_CASES
            p_values[look] = models.p_values(c[:, :k, :rounds], b[:, :k, :rounds], GOAL.margin, within)
        yield name, _folded(rule, p_values)
    if cell.rounds == 1:
        for times in (3.0, 5.0):
            yield f"betting, winsorised at {times:g} ×", _bet(c, b, times)


def _folded(rule: CostRule, p_values: dict[int, tuple[models.Array, models.Array]]) -> Seen:
    runs = len(p_values[rule.ceiling][0])
    still, passed, failed, trials = np.ones(runs, bool), 0, 0, 0
    for look, (passing, failing) in zip(rule.looks, rule.levels, strict=True):
        p_pass, p_fail = p_values[look]
        passes = still & (p_pass < passing)
        fails = still & ~passes & (p_fail < failing)
        passed, failed = passed + int(passes.sum()), failed + int(fails.sum())
        ends = still if look == rule.ceiling else passes | fails
        trials += look * int(ends.sum())
        still = still & ~ends
    return Seen(passed / runs, failed / runs, trials / runs)


def _bet(c: models.Array, b: models.Array, times: float) -> Seen:
    n = c.shape[1]
    passes, fails = models.betting(c, b, GOAL.margin, times, GOAL.beta)
    passed, failed = (passes <= n) & (passes <= fails), (fails <= n) & (fails < passes)
    return Seen(passed.mean(), failed.mean(), np.minimum(np.minimum(passes, fails), n).mean())


# ---- rows


def _rows(cell: Cell, seen: dict[str, Seen], runs: int) -> Iterator[Row]:
    """The worst wrong verdict of the rules with bounds, which must be rare, and single rules for information."""
    good = cell.rise == 0.0 and cell.model != "runaways"
    wrong = {name: one.failed if good else one.passed for name, one in seen.items()}
    word = "fails" if good else "passes"
    if cell.model != "runaways":
        worst = max(share for name, share in wrong.items() if not name.startswith("betting"))
        most = _allowed(GOAL.alpha_used if good else GOAL.beta, runs)
        name = f"{cell.label}: {word}, worst of the rules"
        yield Figure(part="cost", name=name, values=(worst,), most=most, digits=4)
    everything = cell[:4] == ("lognormal", 400, 1, 0.0)
    for name, one in seen.items():
        if everything or name in ("fixed", DEFAULT) or name.startswith("betting"):
            label = f"{cell.label}: {word}, {name}"
            yield Figure(part="cost", name=label, values=(wrong[name],), digits=4, note=_note(one))
    if everything:
        yield _at_least(f"{cell.label}: passes by default", seen[DEFAULT].passed, LEAST_PASS)


def _note(seen: Seen) -> str:
    undecided = max(0.0, 1.0 - seen.passed - seen.failed)
    return (
        f"pass {seen.passed:.3f}, fail {seen.failed:.3f}, inconclusive {undecided:.3f}, mean {seen.mean_n:.0f} trials"
    )


def _allowed(nominal: float, runs: int) -> float:
    return nominal + 3.0 * math.sqrt(nominal * (1.0 - nominal) / runs)


def _at_least(name: str, share: float, least: float, note: str = "") -> Figure:
    """A share that must be large, as the rest that must be small."""
    return Figure(
        part="cost",
        name=f"{name}: share missed",
        values=(1.0 - share,),
        most=round(1.0 - least, 6),
        digits=4,
        note=note,
    )


# ---- plans


def plan_power(job: tuple[int, int]) -> Figure:
    """The share of builds at + 0 % that pass with the planned trials; the spread is that of the model, measured."""
    cases, runs = job
    rng = np.random.default_rng([cases, 7])
    c, b = models.draw(rng, "lognormal", (200, 1_000, 1), 0.0, False)
    n = planned_n(GOAL, relative_sd=float((c - b).std() / b.mean()), cases=cases)
    rounds, done = math.ceil(n / cases), 500 * max(1, runs // 500)
    rule, passed = cost_rule(GOAL, n, cases=cases), 0
    for _ in range(done // 500):
        c, b = models.draw(rng, "lognormal", (500, min(n, cases), rounds), 0.0, False)
        passed += sum(_passes(rule, cases, *tokens) for tokens in zip(c, b, strict=True))
    name = f"lognormal, {cases} cases, planned n = {n}, + 0 %: passes"
    return _at_least(name, passed / done, 1.0 - _allowed(0.05, done))


def _passes(rule: CostRule, cases: int, c: models.Array, b: models.Array) -> bool:
    """The shipped rule itself, on the trials of one run in rounds over the cases."""
    for look in rule.looks:
        sides = [models.sums(side, look, cases) for side in (c, b)]
        decision = rule.decide(look, *sides)
        if decision is not None:
            return decision.outcome is Outcome.PASS
    return False


# ---- runaways


def runaways(job: tuple[models.Model, int, int]) -> tuple[float, float]:
    """How often the runaway rule passes and fails 320 trials against m of the baseline, over 20 cases each."""
    model, m, runs = job
    rng, rule = np.random.default_rng([m, len(model)]), RunawayRule(alpha_used=0.05, beta=0.05, n=320)
    ends = [rule.decide(320, *models.runaway_counts(rng, model, 20, 320 // 20, m // 20), m) for _ in range(runs)]
    said = [end.outcome for end in ends if end is not None]
    return said.count(Outcome.PASS) / runs, said.count(Outcome.FAIL) / runs


def _runaway_rows(model: models.Model, m: int, runs: int, seen: Sequence[float]) -> Iterator[Row]:
    passed, failed = seen
    name = f"{model}, {DEFAULT_FACTOR:g} × the case's baseline, n = 320, baseline {m:,}"
    note = f"pass {passed:.3f}, fail {failed:.3f}"
    if model == "runaways":
        yield _at_least(f"{name}: not passed", 1.0 - passed, LEAST_CAUGHT, note)
        yield Figure(part="cost", name=f"{name}: fails", values=(failed,), digits=3)
    else:
        yield Figure(
            part="cost",
            name=f"{name}: a good build fails",
            values=(failed,),
            most=_allowed(0.05, runs),
            digits=4,
            note=note,
        )


def _few_rows(cell: Few, runs: int, passed: float, failed: float) -> Iterator[Row]:
    """A good build must not fail, and one with 2 % of runaways must not pass."""
    word, share = ("2 % × 6 passes", passed) if cell.bad else ("a good build fails", failed)
    note = f"pass {passed:.3f}, fail {failed:.3f}"
    name = f"{cell.label}: {word}"
    yield Figure(part="cost", name=name, values=(share,), most=_allowed(0.05, runs), digits=4, note=note)
