"""Gates that are compared with a baseline, as a fold: order, holes, census, cohorts, and trials past the decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from engine_samples import cases, gate, plan, record, run_through
from engine_samples import stream as stream_of
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.baseline_key import ANCHOR
from pytest_llmgate.core.case import Case
from pytest_llmgate.core.compared import DIGESTS, Compared, ReplyBaseline, compare
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.plan import COST_REGRESSION, RUNAWAYS, GatePlan, TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.core.verdict import GateVerdict
from pytest_llmgate.engine.decide import decide_test
from pytest_llmgate.engine.folds import folds_of
from pytest_llmgate.engine.stream import TestStream
from pytest_llmgate.stats.against import compared_rule, pairs_within
from pytest_llmgate.stats.paired import PairedRate

NONE = dict.fromkeys(DIGESTS)
PARAMETERS = {"of": "total_tokens", "runaway_factor": 3}


def quality(passed: int, n: int, of: int = 40) -> ReplyBaseline:
    """The same figures for each of the first `of` cases."""
    found = {f"c{number}": {"passed": passed, "n": n} for number in range(of)}
    return ReplyBaseline(
        test="a.suite.yaml::t", gate="as-good", kind="quality", cases=found, digests=NONE,
        figures={"passed": passed * of, "n": n * of},
    )  # fmt: skip


def usage(mean: int, n: int = 10, of: int = 40) -> ReplyBaseline:
    """Figures of `mean` ± 1 for each of the first `of` cases."""
    one = {"n": n, "total": mean * n, "squares": n * mean * mean + n}
    return ReplyBaseline(
        test="a.suite.yaml::t", gate=COST_REGRESSION, kind="usage", cases={f"c{number}": one for number in range(of)},
        digests=NONE, parameters=PARAMETERS,
        figures={"n": n * of, "total": mean * n * of, "runaways": 0, "runaways_of": n * of},
    )  # fmt: skip


def against(baseline: ReplyBaseline | None, kind: Any = "quality", standing: Any = "same", **fields: Any) -> GatePlan:
    given = {"name": "as-good", "type": "contains", "margin": 0.1, **fields}
    return GatePlan(compared=Compared(kind=kind, standing=standing, baseline=baseline), **given)


def cost(baseline: ReplyBaseline, **fields: Any) -> GatePlan:
    return against(baseline, "usage", **{"name": COST_REGRESSION, "type": COST_REGRESSION, **fields})


def window(gate: GatePlan, sampled: int = 0, **fields: Any) -> TestStream:
    test = plan(gate, **{"cases": cases(40), "trials": 400, **fields})
    return TestStream(test, folds_of(test, no_rates), sampled)


def no_rates(gate: GatePlan) -> Any:
    raise AssertionError(f"{gate.name} is compared with a baseline, and asks for no rate")


def decided(stream: TestStream, answer: Callable[[Trial], Any], **fields: Any) -> GateVerdict:
    run_through(stream, answer, **fields)
    return decide_test(stream).gates[0]


def every(share: int) -> Callable[[Trial], bool]:
    """All but every `share`th trial are good."""
    return lambda trial: trial.index % share != share - 1


def tokens(stream: TestStream, figure: Callable[[Trial], int | None]) -> GateVerdict:
    """Sample with these figures; None is a hole."""
    while (trial := stream.next()) is not None:
        stream.put(measured(stream.plan, trial, figure(trial)))
    return decide_test(stream).gates[0]


def measured(test: TestPlan, trial: Trial, figure: int | None) -> TrialRecord:
    names = [gate.name for gate in test.gates]
    scores: Mapping[str, float] = {} if figure is None else dict.fromkeys(names, float(figure))
    return record(test, trial, None if figure is None else True, scores=scores)


def test_replies_as_good_as_the_baseline_pass_and_worse_ones_fail() -> None:
    same = decided(window(against(quality(9, 10))), every(10))
    assert (same.verdict, same.stop_reason) == (Outcome.PASS, "boundary")
    worse = decided(window(against(quality(9, 10))), every(2))
    assert (worse.verdict, worse.threshold) == (Outcome.FAIL, 0.0)
    assert worse.interval is not None
    assert worse.interval[0] > 0.0


def test_the_estimate_is_the_increase_of_bad_replies_and_the_pass_rules_out_the_margin() -> None:
    found = decided(window(against(quality(9, 10))), every(10))
    increase = (found.figures["worse"] - found.figures["better"]) / found.figures["pairs"]
    assert found.estimate == pytest.approx(increase)
    assert found.interval is not None
    assert found.interval[1] <= found.bad == 0.1


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(24)))
def test_the_order_in_which_trials_complete_changes_nothing(order: list[int]) -> None:
    in_turn, mixed = (window(against(quality(9, 10), trials=24), trials=24) for _ in range(2))
    trials = [in_turn.next() for _ in range(24)]
    assert [mixed.next() for _ in range(24)] == trials
    for place in range(24):
        for stream, at in ((in_turn, place), (mixed, order[place])):
            trial = trials[at]
            assert trial is not None
            stream.put(record(stream.plan, trial, trial.index % 5 != 0))
    assert decide_test(mixed) == decide_test(in_turn)


def test_every_reply_of_the_baseline_is_used_once() -> None:
    found = decided(window(against(quality(1, 1), margin=0.01), trials=400), lambda trial: True)
    assert found.figures["pairs"] == 40
    assert found.verdict is Outcome.INCONCLUSIVE
    assert "the baseline has no more than 40 replies" in found.reason


def known(baseline: ReplyBaseline, today: int, **fields: Any) -> Compared:
    """How a gate stands that has the cases c0, c1 … of today."""
    names = frozenset(f"c{number}" for number in range(today))
    return replace(compare(baseline.kind, baseline, NONE, baseline.parameters, names), **fields)


def test_cases_without_a_baseline_leave_few_pairs_and_the_verdict_says_what_helps() -> None:
    gate = replace(against(None), compared=known(quality(1, 1, of=6), today=40))
    found = decided(window(gate, trials=40), lambda trial: True)
    assert (found.verdict, found.figures["pairs"]) == (Outcome.INCONCLUSIVE, 6)
    assert "40 trials make at most 6 pairs, as 34 of today's 40 cases have no baseline" in found.reason
    assert "propose one of all cases and accept it with --anchor" in found.reason
    assert "allow more" not in found.reason, "further trials make no further pair"


def test_replies_to_cases_that_are_gone_make_no_pair() -> None:
    rule = compared_rule(replace(against(None), compared=known(quality(5, 5, of=40), today=10)), 400, 10)
    assert isinstance(rule, PairedRate)
    assert rule.ceiling == 10 * 5


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(0, 12), st.integers(1, 200))
def test_no_draw_of_trials_makes_more_pairs_than_are_promised(replies: list[int], fresh: int, trials: int) -> None:
    cases = {f"c{number}": {"passed": n, "n": n} for number, n in enumerate(replies)}
    baseline = replace(quality(1, 1), cases=cases, figures={"passed": sum(replies), "n": sum(replies)})
    today = len(replies) + fresh
    drawn = [trial % today for trial in range(trials)]
    pairs = sum(min(n, drawn.count(number)) for number, n in enumerate(replies))
    assert pairs <= pairs_within(known(baseline, today), trials) <= trials


def test_a_gate_with_a_baseline_is_left_undecided_when_another_cannot_be_judged() -> None:
    both = stream_of(plan(against(quality(9, 10)), gate("broken"), cases=cases(40), trials=400))
    found = decided(both, lambda _: {"as-good": True, "broken": None})
    assert (found.verdict, found.stop_reason) == (Outcome.INCONCLUSIVE, "first-error")
    assert "; left undecided when gate broken could not be judged (stop: all goes on)" in found.reason


def test_a_gate_that_is_tested_against_an_anchor_says_so_and_what_moves_it() -> None:
    anchor = replace(quality(9, 10), arm=ANCHOR, reason="release 1.0")
    failed = decided(window(against(anchor)), every(2))
    said = 'compared with the anchor ("release 1.0"), not with what was accepted last'
    assert failed.reason.endswith(f"{said}: llmgate baseline accept --anchor moves it")
    passed = decided(window(against(anchor)), every(10))
    assert passed.reason.endswith(said)
    assert "anchor" not in decided(window(against(quality(9, 10))), every(2)).reason
    long = replace(anchor, reason="\n".join(["release"] * 100))
    assert len(decided(window(against(long)), every(10)).reason) < 400
    assert "\n" not in decided(window(against(long)), every(10)).reason


TIMED_ELSEWHERE = "run it on that class, or propose a new one"
RECORDED = (
    "run it live (--llm-record=live) on the class of machine that timed the baseline; on recorded replies it is never "
    "decided, which blocks unless the gate says severity: warn"
)


@pytest.mark.parametrize(
    ("live", "machine", "said"), [(False, "m1", RECORDED), (False, "m2", RECORDED), (True, "m2", TIMED_ELSEWHERE)]
)
def test_latencies_that_cannot_be_compared_say_where_they_could_be(live: bool, machine: str, said: str) -> None:
    baseline = ReplyBaseline(
        test="a.suite.yaml::t", gate="latency", kind="latency", digests={**NONE, "machine": "m1"},
        figures={"n": 20, "p50_us": 1000, "p95_us": 2000, "p99_us": 3000}, parameters={"of": "p95"},
    )  # fmt: skip
    state = compare("latency", baseline, {**NONE, "machine": machine}, {"of": "p95"}, frozenset({"c0"}), live=live)
    found = decide_test(window(replace(against(None), compared=state, type="latency"), cover="sample")).gates[0]
    assert (found.stop_reason, found.blocking) == ("stale", True)
    assert said in found.reason
    assert ("propose" in found.reason) == live


def test_edited_cases_are_compared_and_named_unless_the_baseline_says_nothing_of_them() -> None:
    one = {**NONE, "cases": "sha256:1"}
    today = frozenset({"c0"})
    edited = compare("quality", replace(quality(1, 1, of=1), digests=one), {**one, "cases": "sha256:2"}, {}, today)
    assert (edited.standing, edited.sentences) == ("changed", ("cases changed since the baseline",))
    assert compare("quality", quality(1, 1, of=1), one, {}, today).standing == "same"
    more = compare("quality", replace(quality(1, 1, of=1), digests=one), {**one, "cases": "sha256:2"}, {},
                   today | {"c1"}, content="sha256:1")  # fmt: skip
    assert more.sentences == ("1 of today's 2 cases has no baseline",), "those of the baseline are as they were"


@pytest.mark.parametrize(("standing", "blocks"), [("new", False), ("stale", True)])
def test_what_cannot_be_compared_is_open_before_the_first_trial(standing: str, blocks: bool) -> None:
    stream = window(against(None if standing == "new" else quality(9, 10), standing=standing), cover="sample")
    assert stream.next() is None
    assert stream.done
    found = decide_test(stream).gates[0]
    assert (found.verdict, found.stop_reason, found.blocking) == (Outcome.INCONCLUSIVE, standing, blocks)


def test_a_new_gate_blocks_where_the_suite_requires_baselines() -> None:
    gate = against(None, standing="new", require_baseline=True)
    assert decide_test(window(gate, cover="sample")).verdict is Outcome.INCONCLUSIVE


def test_holes_are_bad_for_a_pass_and_good_for_a_fail() -> None:
    some_holes = decided(window(against(quality(9, 10)), max_errors=0.5), lambda t: None if t.index % 3 else True)
    assert some_holes.verdict is not Outcome.PASS
    mended = decided(window(against(quality(5, 10)), max_errors=1.0), lambda trial: None)
    assert mended.verdict not in (Outcome.PASS, Outcome.FAIL)


def test_a_build_that_takes_the_same_passes_and_one_that_takes_more_fails() -> None:
    assert tokens(window(cost(usage(100))), lambda trial: 100 + trial.index % 3 - 1).verdict is Outcome.PASS
    dear = tokens(window(cost(usage(100))), lambda trial: 120 + trial.index % 3 - 1)
    assert (dear.verdict, dear.threshold, dear.bad) == (Outcome.FAIL, 1.0, 1.1)
    assert dear.estimate == pytest.approx(1.2, abs=0.01)
    assert dear.interval is not None
    assert dear.interval[0] > 1.0
    assert dear.reason.startswith("tokens + ")


def test_an_unknown_figure_counts_as_a_runaway_where_that_is_the_worse() -> None:
    def one_in_ten_unknown(trial: Trial) -> int | None:
        return None if trial.index % 10 == 0 else 100

    found = tokens(window(cost(usage(100)), max_errors=0.5), one_in_ten_unknown)
    assert found.verdict is Outcome.INCONCLUSIVE, "at three times the baseline the unknown ones may cost 20 % more"


def test_too_many_unknown_figures_are_an_error() -> None:
    found = tokens(window(cost(usage(100))), lambda trial: None if trial.index % 3 == 0 else 100)
    assert found.verdict is Outcome.ERROR


def test_runaways_are_held_against_the_baselines_own() -> None:
    gate = cost(usage(100), name=f"{COST_REGRESSION}-{RUNAWAYS}", params={"part": RUNAWAYS})
    quiet = tokens(window(gate, trials=400), lambda trial: 100)
    assert (quiet.verdict, quiet.n, quiet.bad) == (Outcome.PASS, 320, 0.015)
    loud = tokens(window(gate, trials=400), lambda trial: 600 if trial.index % 25 == 0 else 100)
    assert loud.verdict is Outcome.FAIL
    assert loud.n < 320, "so many are too many, whatever follows"
    baseline = usage(100)
    heavy = replace(baseline, figures={**baseline.figures, "runaways": 16})
    same = tokens(window(replace(gate, compared=Compared(kind="usage", standing="same", baseline=heavy)), trials=400),
                  lambda trial: 600 if trial.index % 25 == 0 else 100)  # fmt: skip
    assert same.verdict is not Outcome.FAIL, "four in a hundred ran away before"


def single(of: int = 400) -> GatePlan:
    """A gate on runaways whose baseline has one reply a case, each case twice as large as the one before, up to 8."""
    sizes = {f"c{number}": 100 * 2 ** (number % 4) for number in range(of)}
    baseline = ReplyBaseline(
        test="a.suite.yaml::t", gate=COST_REGRESSION, kind="usage", digests=NONE, parameters=PARAMETERS,
        cases={case: {"n": 1, "total": size, "squares": size * size} for case, size in sizes.items()},
        figures={"n": of, "total": sum(sizes.values())},
    )  # fmt: skip
    return cost(baseline, name=f"{COST_REGRESSION}-{RUNAWAYS}", params={"part": RUNAWAYS})


def test_one_reply_a_case_is_held_against_its_own_case() -> None:
    """Large cases are no runaways; what falls below a third counts against what rises above three times."""
    size: Callable[[Trial], int] = lambda trial: 100 * 2 ** (trial.case % 4)  # noqa: E731
    same = tokens(window(single(), cases=cases(400)), size)
    assert (same.verdict, same.n) == (Outcome.PASS, 320)
    assert (same.figures["runaways"], same.figures["baseline_runaways"]) == (0, 0)
    dear = tokens(window(single(), cases=cases(400)), lambda trial: size(trial) * (6 if trial.index % 25 == 0 else 1))
    assert (dear.verdict, dear.figures["runaways"]) == (Outcome.FAIL, 13)
    both = tokens(window(single(), cases=cases(400)), lambda trial: size(trial) * (6, 1, 1, 1)[trial.index % 4] // (
        7 if trial.index % 4 == 2 else 1))  # fmt: skip
    assert both.verdict is not Outcome.FAIL, "as many rose as fell"


def test_every_single_reply_is_used_once() -> None:
    found = tokens(window(single(of=40), trials=400), lambda trial: 100 * 2 ** (trial.case % 4))
    assert (found.verdict, found.figures["runaways_of"]) == (Outcome.INCONCLUSIVE, 40)


def test_cases_without_a_baseline_leave_the_look_on_runaways_within_reach() -> None:
    """8 of 48 cases are new: of 320 trials no fewer than 264 have something to be held against."""
    gate = cost(usage(100), name=f"{COST_REGRESSION}-{RUNAWAYS}", params={"part": RUNAWAYS})
    assert gate.compared is not None
    gate = replace(gate, compared=replace(gate.compared, cases=48))
    found = tokens(window(gate, cases=cases(48), trials=320), lambda trial: 100)
    assert (found.verdict, found.figures["runaways_of"]) == (Outcome.PASS, 264)


def test_an_unknown_figure_in_a_pair_is_a_runaway_where_that_is_the_worse() -> None:
    stream = window(single(), cases=cases(400), max_errors=0.5)
    found = tokens(stream, lambda trial: None if trial.index % 50 == 0 else 100 * 2 ** (trial.case % 4))
    assert (found.verdict, found.stop_reason) == (Outcome.INCONCLUSIVE, "holes")


def test_one_possible_reply_a_case_is_a_census() -> None:
    model: dict[str, Any] = {"kind": "prompt", "cases": cases(4)}
    stream = window(against(quality(1, 1, of=4)), **model)
    stream.gates[0].census(4)
    for _ in range(4):
        trial = stream.next()
        assert trial is not None
        stream.gates[0].take(record(stream.plan, trial, trial.case != 0))
    decision = stream.gates[0].decision
    assert decision is not None
    assert (decision.outcome, decision.stop_reason) == (Outcome.FAIL, "census"), "one of four is worse by 25 points"


def test_a_cohort_counts_its_own_cases_alone() -> None:
    mixed = tuple(Case(id=f"c{n}", vars={"q": n}, slice={"region": "eu" if n % 2 else "us"}) for n in range(40))
    gate = against(quality(10, 10), name="as-good[region=eu]", cohort="region=eu")
    stream = window(gate, cases=mixed)
    found = decided(stream, lambda trial: trial.case % 2 == 1)
    assert found.verdict is Outcome.PASS, "every reply to a case of `us` is bad, and none of them counts"
    assert decide_test(stream).slices["region"]["us"]["as-good[region=eu]"]["successes"] == 0


def test_trials_past_the_decision_are_drawn_for_a_baseline_and_count_for_nothing() -> None:
    short, long = window(against(quality(9, 10))), window(against(quality(9, 10)), sampled=300)
    assert run_through(short, every(10)) < 200
    assert run_through(long, every(10)) == 300
    assert long.over
    assert decide_test(long) == decide_test(short)
    long.extend(310)
    assert not long.over
    assert run_through(long, every(10)) == 10


def test_nothing_more_is_drawn_for_a_baseline_once_a_run_is_cut() -> None:
    stream = window(against(quality(9, 10)), sampled=300)
    stream.next()
    stream.cut("budget")
    assert stream.next() is None
    assert stream.over
