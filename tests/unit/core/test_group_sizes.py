"""Groups of repeats: how many are complete after so many trials, and how many trials so many take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.groups import groups_in, trials_for
from pytest_llmgate.core.trial import TrialKeys

sizes = st.integers(1, 7)


@given(st.integers(0, 200), sizes, sizes)
def test_groups_are_counted_as_the_order_of_trials_completes_them(trials: int, cases: int, repeats: int) -> None:
    order = TrialKeys(7, "t", tuple(f"c{number}" for number in range(cases))).trials()
    complete = sum(next(order).repeat % repeats == repeats - 1 for _ in range(trials))
    assert groups_in(trials, cases, repeats) == complete


@given(st.integers(1, 300), sizes, sizes)
def test_so_many_trials_and_none_fewer_complete_so_many_groups(groups: int, cases: int, repeats: int) -> None:
    trials = trials_for(groups, cases, repeats)
    assert groups_in(trials, cases, repeats) == groups
    assert groups_in(trials - 1, cases, repeats) == groups - 1


@given(st.integers(0, 100), sizes)
def test_of_one_repeat_every_trial_is_a_group(trials: int, cases: int) -> None:
    assert groups_in(trials, cases, 1) == trials == trials_for(trials, cases, 1)
