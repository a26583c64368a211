"""What a plan says of gates on groups of repeats, in trials."""

from __future__ import annotations

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.groups import trials_for
from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.detectors.negated import negate
from pytest_llmgate.session.rate_figures import InTrials, rate_figures
from pytest_llmgate.stats.planning import choose_rule

RULE = choose_rule(good=0.9, bad=0.6)


@pytest.mark.parametrize(("cases", "repeats"), [(1, 2), (5, 3), (7, 4)])
def test_a_rule_on_groups_is_charted_by_the_trials_that_complete_them(cases: int, repeats: int) -> None:
    groups, trials = RULE.rule.oc(0.9), InTrials(RULE.rule, cases, repeats).oc(0.9)
    assert (trials.p_pass, trials.p_fail) == (groups.p_pass, groups.p_fail)
    for number in range(1, len(groups.survival)):
        assert trials.survival[trials_for(number, cases, repeats)] == groups.survival[number]
    assert trials.n_quantile(0.95) == trials_for(groups.n_quantile(0.95), cases, repeats)
    chances = [before - after for before, after in zip(groups.survival, [*groups.survival[1:], 0.0], strict=True)]
    mean = sum(chance * trials_for(n + 1, cases, repeats) for n, chance in enumerate(chances))
    assert trials.mean_n == pytest.approx(mean)


def test_the_figures_of_a_gate_on_groups_say_what_a_group_is() -> None:
    found = rate_figures(GatePlan(name="agree", type="agree", good=0.9, bad=0.6, repeats=3), RULE)
    assert found.repeats == 3
    assert "a group is 3 trials of one case" in found.notes[-1]
    assert not rate_figures(GatePlan(name="x", type="x", good=0.9, bad=0.6), RULE).notes


@pytest.mark.parametrize(("good", "turned"), [(True, False), (False, True), (None, None)])
def test_the_not_form_of_a_measure_of_groups_judges_groups_too(good: bool | None, turned: bool | None) -> None:
    class Together:
        repeats = 4

        def measure(self, case, seen): ...

        def measure_together(self, case, seen):
            return Measurement(good, 0.5, "why", {"$": True})

    measure = negate(Together())
    assert measure.repeats == 4
    found = measure.measure_together(Case(id="c"), [])
    assert (found.good, found.score, found.fields) == (turned, 0.5, {"$": True})
