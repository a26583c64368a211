"""Baselines of replies in files: they come back as they were written, and figures that cannot be are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.baseline_key import ANCHOR, BaselineKey
from pytest_llmgate.core.compared import DIGESTS, ReplyBaseline, in_unit
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.session.reply_words import reply_differences
from pytest_llmgate.store.accepting import accepted, changes, says_the_same
from pytest_llmgate.store.baseline_lines import decode, encode
from pytest_llmgate.store.baselines import Baselines

TEST = "suites/q.suite.yaml::answers"
FILE = "suites/q.baseline.json"
NONE = dict.fromkeys(DIGESTS)


def quality(passed: int = 90, n: int = 100, **fields: Any) -> ReplyBaseline:
    """Two cases, the first of which holds what the second leaves."""
    half = n // 2
    cases = {
        "a": {"passed": min(passed, half), "n": half},
        "b": {"passed": passed - min(passed, half), "n": n - half},
    }
    given = {"digests": {**NONE, "prompt": "sha256:p1"}, "reason": "first", "author": "Ada", **fields}
    return ReplyBaseline(
        test=TEST, gate="contains", kind="quality", cases=cases, figures={"passed": passed, "n": n}, **given
    )


def usage(*figures: int, **fields: Any) -> ReplyBaseline:
    """One case with these figures."""
    case = {"n": len(figures), "total": sum(figures), "squares": sum(figure * figure for figure in figures)}
    given = {"digests": NONE, "parameters": {"of": "total_tokens", "runaway_factor": 3}, **fields}
    return ReplyBaseline(
        test=TEST, gate="cost-regression", kind="usage", cases={"a": case},
        figures={"n": case["n"], "total": case["total"], "calls": case["n"]}, **given,
    )  # fmt: skip


LATENCY = ReplyBaseline(
    test=TEST, gate="latency", kind="latency", digests={**NONE, "machine": "sha256:m1"}, parameters={"of": "p95"},
    figures={"n": 20, "p50_us": 1000, "p95_us": 2000, "p99_us": 3000},
)  # fmt: skip


def test_every_kind_comes_back_as_it_was_written() -> None:
    written = [quality(), quality(arm=ANCHOR), usage(10, 12, 30), LATENCY]
    assert decode(encode(written), FILE, FILE) == {entry.key: entry for entry in written}


@given(st.lists(st.integers(0, 1 << 30), min_size=1, max_size=40))
def test_any_figures_come_back_and_their_order_changes_no_byte(figures: list[int]) -> None:
    entry = usage(*figures)
    assert decode(encode([entry]), FILE)[entry.key] == entry
    assert encode([usage(*reversed(figures)), LATENCY]) == encode([LATENCY, entry])


def test_a_file_holds_one_whole_number_a_line() -> None:
    lines = encode([usage(10, 12)]).decode().splitlines()
    assert '       "total": 22' in lines
    assert not any("." in line.rpartition(":")[2] for line in lines if line.strip().startswith('"total'))


NANO = {"of": "cost", "runaway_factor": 3, "unit": "nano-USD"}


@given(st.lists(st.integers(0, 1 << 50), min_size=1, max_size=7))
def test_costs_in_nano_usd_come_back_however_large(figures: list[int]) -> None:
    """A million USD a trial, squared, has more than 64 bits."""
    entry = usage(*figures, parameters=NANO)
    if entry.figures["total"] < 1 << 53:
        assert decode(encode([entry]), FILE)[entry.key] == entry


@given(st.lists(st.integers(0, 1 << 20), min_size=1, max_size=9))
def test_figures_without_a_unit_are_micro_usd_of_earlier_versions(figures: list[int]) -> None:
    before = usage(*figures, parameters={"of": "cost", "runaway_factor": 3})
    today = usage(*(1000 * figure for figure in figures), parameters=NANO)
    assert in_unit(before) == today
    assert in_unit(today) is today
    assert in_unit(usage(*figures)) == usage(*figures), "tokens have no unit"


def test_an_old_unit_is_no_difference() -> None:
    before, today = usage(2, 2, parameters={"of": "cost", "runaway_factor": 3}), usage(2000, 2600, parameters=NANO)
    said = list(reply_differences(before, today))
    assert said[0].startswith("0.000002000 USD a trial"), "no parameter that changed comes before the figures"
    assert "+15.0 % a trial" in said


def spoiled(entry: ReplyBaseline, *keys: str, value: Any) -> bytes:
    tree = json.loads(encode([entry]))
    at = tree["tests"][entry.test][entry.gate][entry.arm]
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    return json.dumps(tree).encode()


@pytest.mark.parametrize(
    ("entry", "keys", "value", "said"),
    [
        (quality(), ("cases", "a", "passed"), 51, "51 of 50 is no count"),
        (quality(), ("cases", "a", "passed"), 49, "the cases' 'passed' sum to"),
        (quality(), ("cases", "a", "n"), -1, "whole number"),
        (quality(), ("cases", "a", "n"), 1.5, "whole number"),
        (quality(), ("cases", "a", "n"), float("nan"), "whole number"),
        (quality(), ("cases", "a", "n"), 1 << 70, "whole number"),
        (quality(), ("cases", "a", "words"), 3, "too much: words"),
        (quality(), ("figures", "n"), True, "whole number"),
        (quality(), ("kind",), "mood", "'kind' is one of"),
        (quality(), ("digests", "prompt"), 7, "'prompt' is a text or null"),
        (quality(), ("digests", "colour"), "x", "too much: colour"),
        (quality(), ("reason",), None, "'reason' is a text"),
        (quality(), ("parameters", "speed"), 3, "no parameter 'speed'"),
        (usage(10, 12), ("cases", "a", "squares"), 3, "'squares' is too small"),
        (usage(10, 12), ("figures", "runaways"), 3, "more runaways than trials"),
        (usage(10, 12), ("parameters", "runaway_factor"), -3, "whole number"),
        (usage(10, 12), ("parameters", "unit"), "nano-USD", "'unit' is nano-USD, and of 'of: cost' only"),
        (usage(10, 12, parameters=NANO), ("parameters", "unit"), "USD", "'unit' is nano-USD"),
        (usage(10, 12, parameters=NANO), ("cases", "a", "squares"), 1 << 126, "below 2^126"),
        (LATENCY, ("figures",), {"n": 3}, "p50_us, p95_us, p99_us"),
    ],
)
def test_figures_that_cannot_be_are_refused_with_their_line(
    entry: ReplyBaseline, keys: tuple[str, ...], value: Any, said: str
) -> None:
    with pytest.raises(LlmgateError) as caught:
        decode(spoiled(entry, *keys, value=value), FILE)
    assert caught.value.problems[0].code == "baseline-damaged"
    assert said in str(caught.value)


def yes(entry: Any) -> bool:
    return True


def no(entry: Any) -> bool:
    return False


def of(entry: ReplyBaseline) -> dict[BaselineKey, Any]:
    return {entry.key: entry}


def test_a_second_sample_of_the_same_makes_no_diff() -> None:
    assert accepted(of(quality(90)), [quality(88, reason="again")], yes) == of(quality(90))
    assert accepted(of(usage(100, 110, 90)), [usage(101, 112, 93)], yes) == of(usage(100, 110, 90))
    assert says_the_same(LATENCY, replace(LATENCY, figures={**LATENCY.figures, "p95_us": 2100}), confirmed=True)


def test_what_is_outside_the_new_interval_or_was_taken_otherwise_is_written_anew() -> None:
    assert not says_the_same(quality(90), quality(60), confirmed=True)
    assert not says_the_same(usage(100, 101, 102), usage(150, 151, 152), confirmed=True)
    assert not says_the_same(quality(90), quality(90, digests={**NONE, "prompt": "sha256:p2"}), confirmed=True)
    assert says_the_same(quality(90), quality(90, digests={**quality().digests, "plan": "sha256:x"}), confirmed=True)


def test_the_first_accepted_stays_the_anchor_until_it_is_moved() -> None:
    first, second, third = quality(90), quality(60, reason="2"), quality(30, reason="3")
    key, anchor = first.key, first.key._replace(arm=ANCHOR)
    two = accepted(of(first), [second], no)
    assert (two[key], two[anchor]) == (second, replace(first, arm=ANCHOR))
    three = accepted(two, [third], no)
    assert (three[key], three[anchor]) == (third, replace(first, arm=ANCHOR))
    assert Baselines(three).of_replies(TEST, "contains") == replace(first, arm=ANCHOR)
    moved = accepted(three, [third], no, anchor=True)
    assert moved == of(third)


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_the_same_rate_is_news_once_it_is_of_a_quarter_more_trials(old: int, new: int) -> None:
    """A baseline can be made larger; a second sample of about its size is noise still."""
    before, now = quality(4 * old, 4 * old), quality(4 * new, 4 * new)
    assert says_the_same(before, now, confirmed=True) == (new < 1.25 * old)


def test_a_larger_baseline_is_taken_and_with_an_anchor_tested_against() -> None:
    small, large = quality(90), quality(450, 500, reason="larger")
    assert accepted(of(small), [large], yes)[small.key] == large
    assert accepted(of(small), [large], yes, anchor=True) == of(large)


def test_moving_the_anchor_takes_its_reason_along_though_the_figures_are_there_already() -> None:
    first, second = quality(90), quality(60, reason="2")
    before = accepted(of(first), [second], no)
    after = accepted(before, [quality(61, reason="release 1.1", author="Bo")], yes, anchor=True)
    assert after == of(replace(second, reason="release 1.1", author="Bo"))
    (change,) = changes(before, after)
    assert change.key == first.key._replace(arm=ANCHOR)
    assert (change.old, change.new) == (replace(first, arm=ANCHOR), replace(after[first.key], arm=ANCHOR))


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=8))
def test_what_gates_are_tested_against_moves_with_an_anchor_alone_and_never_unsaid(
    steps: list[tuple[int, bool]],
) -> None:
    entries = of(quality(50))
    for number, (passed, anchor) in enumerate(steps):
        new = accepted(entries, [quality(passed, reason=str(number))], no, anchor=anchor)
        was, now = (Baselines(each).of_replies(TEST, "contains") for each in (entries, new))
        assert was is not None
        assert now is not None
        moved = was.figures != now.figures
        assert anchor or not moved
        said = [change for change in changes(entries, new) if change.key.arm == ANCHOR and change.old and change.new]
        assert bool(said) == moved
        assert all(change.new is not None for change in changes(entries, new)), "an accept deletes nothing"
        entries = new


def test_an_entry_without_a_digest_of_its_cases_is_read_and_written_as_it_was() -> None:
    data = encode([quality()])
    assert b'"cases": null' not in data
    assert encode(decode(data, FILE).values()) == data
    with_cases = quality(digests={**quality().digests, "cases": "sha256:c1"})
    assert decode(encode([with_cases]), FILE)[with_cases.key] == with_cases
    assert says_the_same(quality(), with_cases, confirmed=True), "it says nothing of its cases"
    edited = quality(digests={**quality().digests, "cases": "sha256:c2"})
    assert not says_the_same(with_cases, edited, confirmed=True)


def test_a_baseline_of_replies_is_none_of_a_circuit() -> None:
    files = Baselines(of(quality()))
    assert files.get(TEST, "contains") is None
    assert files.of_replies(TEST, "contains") == quality()
    assert files.of_replies(TEST, "other") is None


def test_changes_name_every_entry_that_differs() -> None:
    found = changes({**of(quality()), **of(LATENCY)}, {**of(quality(60)), **of(usage(1, 2))})
    assert [(change.key.gate, change.old is None, change.new is None) for change in found] == [
        ("latency", False, True),
        ("contains", False, False),
        ("contains", False, False),
        ("cost-regression", True, False),
    ]
    assert [change.key.arm for change in found if change.key.gate == "contains"] == ["", ANCHOR]
