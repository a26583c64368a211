"""From drafts of tests to plans: the family of gates, their rules, the ceiling of every test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pytest_llmgate.core.decision import Outcome, Tally
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.groups import groups_in, trials_for
from pytest_llmgate.core.plan import EQUIVALENT, SUCCESS_PROBABILITY, GatePlan, TestPlan
from pytest_llmgate.core.ports import Comparer, Designs
from pytest_llmgate.stats.against import compared_rule, trials_of
from pytest_llmgate.stats.clusters import population_ok
from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.intervals import zero_fail_n
from pytest_llmgate.stats.paired import PairedRate, PairTally
from pytest_llmgate.stats.planning import RulePlan, assumed_bad, gate_rule
from pytest_llmgate.stats.rules import SequentialRate
from pytest_llmgate.suites.problems import Problems


@dataclass(frozen=True, slots=True)
class Draft:
    """A test whose gates lack a rule. ceiling: of trials, if anybody gave one."""

    plan: TestPlan
    ceiling: int | None


@dataclass(frozen=True, slots=True)
class Compiler:
    """Chooses the rules of a suite's gates, each different one once. against: looks up approved baselines."""

    designs: Designs | None
    problems: Problems
    against: Comparer | None = None
    _chosen: dict[tuple[object, ...], RulePlan] = field(default_factory=dict)

    def compile(self, drafts: Sequence[Draft], *, controlled: bool) -> tuple[TestPlan, ...]:
        """Finished plans. controlled: alpha is shared by all gates that can fail a good build."""
        family = family_size(drafts) if controlled else 1
        plans = []
        for draft in drafts:
            with self.problems.catch():
                plans.append(self._test(draft, family))
        return tuple(plans)

    def _test(self, draft: Draft, family: int) -> TestPlan:
        plan, size, ceiling = draft.plan, len(draft.plan.cases), draft.ceiling
        gates = [self._compared(replace(gate, family=family), plan) for gate in plan.gates]
        repeats = _group_size(plan)
        if plan.circuit is not None:
            rated = tuple(self._rated(gate, plan.circuit.shots) for gate in gates)
            return replace(plan, gates=rated, trials=plan.circuit.shots)
        if plan.target == "population":  # each case once: cases drawn again would be no new evidence
            ceiling = min(draft.ceiling or size * repeats, size * repeats)
            for gate in gates:
                self._check_population(gate, size, plan)
        decided = tuple(self._decided(gate, plan, ceiling) for gate in gates)
        return replace(plan, gates=decided, trials=ceiling or _natural_ceiling(plan, decided))

    def _decided(self, gate: GatePlan, plan: TestPlan, ceiling: int | None) -> GatePlan:
        """A gate with the ceiling of its rule, and the bad rate that it can tell apart."""
        own = _in_groups(ceiling, gate, plan)
        if own is not None and gate.cohort is not None:
            own = max(1, own * _own(gate, plan) // len(plan.cases))
        if not gate.rated:
            rule = compared_rule(gate, own, len(plan.cases))
            return replace(gate, trials=own or trials_of(rule))
        chosen = self._rule(gate, own)
        return replace(gate, bad=chosen.bad, bad_assumed=chosen.bad_assumed, trials=chosen.rule.ceiling)

    def _compared(self, gate: GatePlan, plan: TestPlan) -> GatePlan:
        """A gate with the baseline that it is compared with; a limit of latency is taken from it."""
        if gate.compared is None:
            return gate
        if self.against is None:
            return gate
        found = self.against(plan, gate)
        if found.kind == "latency" and found.baseline is not None and found.standing in ("same", "changed"):
            of = str(gate.params.get("of", "p95"))
            limit = found.baseline.figures[f"{of}_us"] * (1.0 + (gate.margin or 0.0)) / 1000.0
            return replace(gate, compared=found, params={f"{of}_ms": round(limit, 3)})
        return replace(gate, compared=found)

    def _rated(self, gate: GatePlan, shots: int) -> GatePlan:
        """A gate of a circuit; where it asks for a rate, with the bad rate that the shots can tell apart."""
        if gate.type != SUCCESS_PROBABILITY:
            return gate
        rule = self._rule(gate, shots)
        return replace(gate, bad=rule.bad, bad_assumed=rule.bad_assumed, trials=rule.rule.ceiling)

    def _rule(self, gate: GatePlan, ceiling: int | None) -> RulePlan:
        bad = None if gate.bad_assumed else gate.bad
        key = (gate.good, bad, gate.alpha, gate.beta, gate.family, ceiling, gate.rule)
        if key not in self._chosen:
            self._chosen[key] = gate_rule(gate, bad, ceiling, self.designs)
        return self._chosen[key]

    def _check_population(self, gate: GatePlan, size: int, plan: TestPlan) -> None:
        """With every case good, a gate on the population must pass, or it never could.

        A bad rate that nobody wrote is not widened here: what so few cases can rule out is no news of anything.
        """
        if not gate.rated:
            if not _speaks_of_population(gate, size):
                message = f"gate {gate.name!r} has too few cases to say anything of the population: {size}"
                raise problem("cases-too-few", message, gate.where or plan.where, "add cases, or write target: cases")
            return
        rule = self._rule(_unwidened(gate), size)
        best = rule.rule.decide(Tally(size))
        if best is None or best.outcome is not Outcome.PASS:
            needed = _fewest_to_pass(rule)
            message = f"gate {gate.name!r} needs at least {needed} cases to say anything of the population, not {size}"
            own = ", write a bad_rate that they can rule out," if gate.bad_assumed and not gate.zero_tolerance else ","
            raise problem("cases-too-few", message, gate.where or plan.where, f"add cases{own} or write target: cases")


def _unwidened(gate: GatePlan) -> GatePlan:
    """A gate on a rate with the bad rate that it has where there are trials enough."""
    if not gate.bad_assumed or gate.zero_tolerance or gate.good >= 1.0:
        return gate
    goal = RateGoal(good=gate.good, bad=gate.good / 2, alpha=gate.alpha, beta=gate.beta)
    return replace(gate, bad=assumed_bad(goal, None), bad_assumed=False)


def _speaks_of_population(gate: GatePlan, size: int) -> bool:
    """Whether so many cases, each drawn once, could pass a gate that is compared with a baseline."""
    rule = compared_rule(gate, None, size)
    if isinstance(rule, PairedRate):
        return rule.need(PairTally()) <= size
    return population_ok(size)


def family_size(drafts: Sequence[Draft]) -> int:
    """M: the gates that can fail a good build.

    A zero-tolerance gate cannot: a good build violates nothing. Nor can `equivalent`: it computes and draws nothing.
    """
    gates = [gate for draft in drafts for gate in draft.plan.gates]
    return max(1, sum(gate.blocks and not gate.zero_tolerance and gate.type != EQUIVALENT for gate in gates))


def _natural_ceiling(plan: TestPlan, gates: Sequence[GatePlan]) -> int:
    """The ceiling that nobody gave: what the gates need, and every case once; more for one that some cases ask."""
    size = len(plan.cases)
    needed = [trials_for(gate.trials or 1, size, gate.repeats) * size // _own(gate, plan) for gate in gates]
    covering = [size * gate.repeats for gate in plan.gates] if plan.cover == "each" else []
    return max([*needed, *covering], default=1)


def _own(gate: GatePlan, plan: TestPlan) -> int:
    """Cases that count for a gate."""
    if gate.cohort is None:
        return len(plan.cases)
    key, _, value = gate.cohort.partition("=")
    return max(1, sum(str(case.slice.get(key)) == value for case in plan.cases))


def _in_groups(ceiling: int | None, gate: GatePlan, plan: TestPlan) -> int | None:
    """The ceiling of a gate's rule: trials, or groups of them. Raises where not even one group is complete."""
    if ceiling is None:
        return None
    size = len(plan.cases)
    groups = groups_in(ceiling, size, gate.repeats)
    if groups < 1:
        message = f"gate {gate.name!r}: {ceiling} trials on {size} cases complete no group of {gate.repeats}"
        hint = f"allow at least {trials_for(1, size, gate.repeats)} trials, or use fewer cases"
        raise problem("group-incomplete", message, gate.where or plan.where, hint)
    return groups


def _group_size(plan: TestPlan) -> int:
    """The trials of a group of the gates that have one. Raises where their replies or their target rule groups out."""
    sizes = {gate.repeats for gate in plan.gates}
    grouped = next((gate for gate in plan.gates if gate.repeats > 1), None)
    if grouped is None:
        return 1
    if plan.equal_replies:
        message = f"gate {grouped.name!r} compares replies that are declared to be identical"
        hint = "delete deterministic: true, or delete the gate"
        raise problem("group-identical", message, grouped.where or plan.where, hint)
    if plan.target == "population" and len(sizes) > 1:
        message = f"gate {grouped.name!r} draws every case {grouped.repeats} times, and others of this test once"
        hint = "put it into a test of its own, or write target: cases"
        raise problem("group-population", message, grouped.where or plan.where, hint)
    return grouped.repeats


def _fewest_to_pass(plan: RulePlan) -> int:
    """The fewest trials, all good, at which a rule of these rates could pass."""
    if isinstance(plan.rule, SequentialRate):
        return plan.rule.need_at_best
    return zero_fail_n(1.0 - plan.bad, plan.beta)
