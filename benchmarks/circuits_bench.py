"""Circuit tests decided without pytest: from a suite file to rules, and streams of shots folded through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.session.circuits.desk import CircuitDesk, DeskRooms
from pytest_llmgate.session.circuits.outline import job_of, outline
from pytest_llmgate.session.circuits.plans import Planned, plans_of
from pytest_llmgate.session.circuits.question import Brief
from pytest_llmgate.session.loading import planner
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.stats.shots.rule import Floats, Seen, ShotsRule

EMPTY_PROJECT = "[tool.pytest.ini_options]\n"


class Made(NamedTuple):
    """A test with one gate on one arm. cpu_s: what making it took. own: its circuit's exact distribution."""

    plan: TestPlan
    brief: Brief
    planned: Planned
    cpu_s: float
    own: Mapping[str, float]

    @property
    def name(self) -> str:
        return self.plan.id.partition("::")[2]

    @property
    def rule(self) -> ShotsRule:
        """The fold of its gate."""
        decider: Any = self.planned.decider
        rule: ShotsRule = decider if hasattr(decider, "decide") else decider.rule
        return rule

    @property
    def law(self) -> Floats:
        """What its circuit's shots are drawn with, in the order of its rule."""
        known = [self.own.get(outcome, 0.0) for outcome in self.rule.outcomes]
        return np.array([*known, max(0.0, 1.0 - sum(known))])


class Bench:
    """A project in a folder: suites are written into it, and their tests made ready by one desk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "suites").mkdir(parents=True, exist_ok=True)
        (root / "pyproject.toml").write_text(EMPTY_PROJECT, encoding="utf-8")
        self.planner: Planner = planner(root)
        self.desk = CircuitDesk(
            DeskRooms(
                root=root,
                scratch=root / ".llmgate",
                run="bench",
                registry=self.planner.registry,
                designs=self.planner.designs,
                redact_text=str,
            )
        )

    def suite(self, name: str, text: str) -> list[TestPlan]:
        """The tests of a suite that is written now."""
        path = self.root / "suites" / f"{name}.suite.yaml"
        path.write_text(text, encoding="utf-8")
        return list(self.planner.suite(path).tests)

    def made(self, plan: TestPlan) -> Made:
        """One test, made ready as a run does it."""
        began = process_time()
        brief = self.desk.brief(plan)
        (planned,) = plans_of(plan, brief, self.planner.designs)
        took = process_time() - began
        return Made(plan, brief, planned, took, self.own(plan))

    def own(self, plan: TestPlan) -> Mapping[str, float]:
        """The exact distribution of a test's own circuit."""
        found = outline(plan, SuiteFiles(self.root, self.root / plan.base))
        (exact,) = self.desk.lab.exact([job_of(plan, found.arms[0].circuit, found.arms[0].arm)])
        assert exact is not None
        return exact.as_dict()


class Tallied(NamedTuple):
    """Streams by how they ended, and the mean shots of all."""

    failed: int
    passed: int
    runs: int
    shots: float

    @property
    def fail_rate(self) -> float:
        return self.failed / self.runs


def stream(rule: ShotsRule, law: Floats, rng: np.random.Generator) -> tuple[Outcome, int]:
    """One stream of shots with distribution `law`, folded look by look as a run does it: its end, and its shots."""
    seen, before = Seen.none(len(rule.outcomes)), 0
    for ordinal, look in enumerate(rule.looks):
        seen = seen.plus(rng.multinomial(look - before, law), even=ordinal % 2 == 0)
        before = look
        if (decision := rule.decide(seen)) is not None:
            return decision.outcome, look
    raise AssertionError("undecided at the last look")


def tallied(rule: ShotsRule, law: Floats, runs: int, seed: Sequence[int]) -> Tallied:
    """Many streams; the same for the same seed."""
    rng = np.random.default_rng(seed)
    ends = [stream(rule, law, rng) for _ in range(runs)]
    by = [outcome for outcome, _ in ends]
    shots = sum(shots for _, shots in ends) / runs
    return Tallied(by.count(Outcome.FAIL), by.count(Outcome.PASS), runs, shots)
