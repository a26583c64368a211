"""Seeds and order of trials: law 2 and law 6 of the engine."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.trial import Trial, TrialKeys, derived_seed

words = st.text(min_size=1, max_size=8).filter(str.isprintable)
names = st.lists(words, min_size=1, max_size=12, unique=True)
seeds = st.integers(0, 2**63)


def first(keys: TrialKeys, count: int, start: int = 0) -> list[Trial]:
    return list(islice(keys.trials(start), count))


@given(seeds, names, st.integers(0, 11))
def test_adding_a_case_changes_no_other_seed_and_no_order(root: int, cases: list[str], place: int) -> None:
    with_new = [*cases[:place], "the new one", *cases[place:]]
    old, new = (TrialKeys(root, "a::t", tuple(given)) for given in (cases, with_new))
    before = [(cases[t.case], t.repeat, t.seed) for t in first(old, 3 * len(cases))]
    after = [(with_new[t.case], t.repeat, t.seed) for t in first(new, 3 * len(with_new))]
    assert [row for row in after if row[0] != "the new one"] == before


@given(seeds, names)
def test_every_round_visits_every_case_once(root: int, cases: list[str]) -> None:
    size = len(cases)
    trials = first(TrialKeys(root, "a::t", tuple(cases)), 4 * size)
    assert [trial.index for trial in trials] == list(range(4 * size))
    for number in range(4):
        one = trials[number * size : (number + 1) * size]
        assert sorted(trial.case for trial in one) == list(range(size))
        assert {trial.repeat for trial in one} == {number}


@given(seeds, names, st.integers(0, 40))
def test_starting_later_is_skipping(root: int, cases: list[str], start: int) -> None:
    keys = TrialKeys(root, "a::t", tuple(cases))
    assert first(keys, 5, start) == first(keys, start + 5)[start:]


@given(seeds, st.text(max_size=5).filter(lambda name: name.isprintable()), st.integers(0, 10**6))
def test_seeds_have_53_bits_and_are_those_of_the_stream(root: int, test: str, repeat: int) -> None:
    keys = TrialKeys(root, test, ("a", "b"))
    trials = {trial.case: trial.seed for trial in first(keys, 2, 2 * repeat)}
    assert trials == {0: keys.seed(0, repeat), 1: keys.seed(1, repeat)}
    assert all(0 <= seed < 2**53 for seed in trials.values())


def test_root_test_case_and_repeat_all_matter() -> None:
    seeds = [
        TrialKeys(root, test, (case,)).seed(0, repeat)
        for root in (0, 1) for test in ("a", "b") for case in ("x", "y") for repeat in (0, 1, 256)
    ]  # fmt: skip
    assert len(set(seeds)) == len(seeds) == 24


def test_seeds_use_their_bits_evenly() -> None:
    """4096 seeds: each bit is set half of the time, within 6 standard deviations; none comes twice."""
    seeds = [trial.seed for trial in first(TrialKeys(7, "a::t", tuple("abcdefgh")), 4096)]
    assert len(set(seeds)) == 4096
    for bit in range(53):
        assert abs(sum(seed >> bit & 1 for seed in seeds) - 2048) < 6 * 32


def test_the_rounds_differ_in_order() -> None:
    trials = first(TrialKeys(7, "a::t", tuple("abcdefgh")), 80)
    orders = {tuple(trial.case for trial in trials[start : start + 8]) for start in range(0, 80, 8)}
    assert len(orders) == 10


def test_seeds_are_the_same_in_every_process() -> None:
    code = (
        "from itertools import islice; from pytest_llmgate.core.trial import TrialKeys;"
        "print(list(islice(TrialKeys(7, 'a::t', ('x', 'y', 'z')).trials(), 9)))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "4711")
    }
    here = first(TrialKeys(7, "a::t", ("x", "y", "z")), 9)
    assert [out.decode().strip() for out in said] == [repr(here)]


def test_a_seed_never_changes_between_versions() -> None:
    """Cassettes and resumed runs depend on it."""
    assert first(TrialKeys(7, "suites/a.suite.yaml::t", ("x", "y")), 2) == [
        Trial(0, 0, 0, 6945648835092285),
        Trial(1, 1, 0, 4457922295096197),
    ]


def test_what_is_no_trial_has_the_same_seed_in_every_version() -> None:
    """Recorded shots are drawn again by it: another value would make every old recording another run."""
    assert derived_seed(7, "a::b", "circuit_run", 3) == 11003778303852
    assert derived_seed(7, "a::b", "circuit_run", 3) != derived_seed(7, "a::b", "circuit_run", 4)
