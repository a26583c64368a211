"""`contradiction`: several replies to one case, free text and structured; what is said of identical ones."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paraphrases import edits_of, faithful

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation, TrialError
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.consistency import judge as consistency
from pytest_llmgate.detectors.consistency.support import NAMES, figures, voice_of
from pytest_llmgate.detectors.contradiction import CONTRADICTION, contradiction

CASE = Case(id="c")


def of(*texts: str, **params: Any) -> Measurement:
    return contradiction([Reply(text) for text in texts], **params)


def measure(**params: Any) -> Any:
    return CONTRADICTION.build(params, SuiteFiles(Path(), Path()), None)


# ---- free text


@pytest.mark.parametrize(
    "texts",
    [
        ("The bridge is 1,250 m long.", "It is a bridge of 1.25 km.", "The bridge has a length of 1250 metres."),
        ("Refunds take 7 days.", "A refund takes one week.", "Refunds take seven days."),
        ("Yes, you can return it.", "Yes. You can return it within 30 days.", "Yes, it can be returned."),
        ("Ada Brand wrote it.", "It was written by Ada Brand in 1961.", "The author is Ada Brand."),
    ],
)
def test_the_same_in_other_words_is_good(texts: tuple[str, ...]) -> None:
    found = of(*texts)
    assert found.good is True, found.reason
    assert found.score is not None
    assert found.score < 0.5


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (("The bridge was opened in 1987.", "The bridge opened in 1987.", "The bridge was opened in 1993."), "number"),
        (("Ada Brand wrote the book.", "The book was written by Ada Brand.", "Otto Kern wrote the book."), "name"),
        (
            ("The shop is open on Sundays.", "On Sundays the shop is open.", "The shop is not open on Sundays."),
            "yes or no",
        ),
        (("Yes, you can.", "Yes, of course you can.", "No, you can't."), "risk 1.00"),
        (("Yes", "No", "Yes"), "risk 1.00"),
    ],
)
def test_one_reply_that_says_otherwise_is_found_and_named(texts: tuple[str, ...], kind: str) -> None:
    found = of(*texts)
    assert found.good is False
    assert kind in found.reason


def test_what_only_one_reply_mentions_is_no_contradiction() -> None:
    found = of("Ada Brand wrote the book.", "Ada Brand wrote the book in 1961.", "Ada Brand of Leeds wrote the book.")
    assert found.good is True


def test_replies_on_different_subjects_are_bad_by_their_risk() -> None:
    found = of(
        "James Blair was born in 1732 in Williamsburg and signed the declaration in 1776.",
        "A Scottish clergyman, he arrived during 1685, founding colleges before 1693.",
        "The footballer scored 47 goals for Kilmarnock between 1997 and 2004.",
    )
    assert found.good is False
    assert found.score is not None
    assert found.score > 0.9


def test_identical_replies_are_said_and_not_counted_as_agreement() -> None:
    found = of("Refunds take 7 days.", "Refunds  take 7 days.", "Refunds take 7 days.")
    assert found.good is None
    assert "identical" in found.reason
    assert of("Yes.", "Yes.").good is None
    assert of("Yes.", "Yes, you can.").good is True
    some = of("Refunds take 7 days.", "Refunds take 7 days.", "A refund takes a week.")
    assert some.good is True
    assert "1 repeat" in some.reason


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (("Refunds take 7 days.",), "one reply"),
        (("Refunds take 7 days.", ""), "empty"),
        (("?!", "..."), "nothing that could be compared"),
        (
            ("The parcel is in the depot of the city.", "Das Paket ist in dem Lager und wird nicht zugestellt."),
            "German",
        ),
    ],
)
def test_what_cannot_be_compared_is_a_hole(texts: tuple[str, ...], why: str) -> None:
    found = of(*texts)
    assert found.good is None
    assert why in found.reason


def test_our_own_paraphrases_seldom_dispute_and_their_edits_mostly_do() -> None:
    """A sentence and two paraphrases of it; then with an edited one in place of a paraphrase."""
    groups = defaultdict(list)
    for one in faithful():
        groups[one.document, one.sentence].append(one)
    seen, hit = Counter[str](), Counter[str]()
    for (_, sentence), ones in groups.items():
        first, second = ones[0], ones[1]
        found = of(sentence, first.reply, second.reply)
        seen["faithful"] += 1
        hit["faithful"] += found.good is False
        for edited in edits_of(second, len(seen)):
            found = of(sentence, first.reply, edited.reply)
            seen[edited.kind] += 1
            hit[edited.kind] += found.good is False
    rates = {kind: hit[kind] / seen[kind] for kind in seen}
    assert rates["faithful"] <= 0.10, rates
    assert min(rates[kind] for kind in ("negation", "stranger", "swap")) >= 0.85, rates
    assert rates["number"] >= 0.75, rates


# ---- structured replies


def test_structured_replies_are_compared_field_by_field() -> None:
    rows = [{"city": "Berlin", "n": 1}, {"city": "berlin ", "n": 1.0}, {"city": "Paris", "n": 1}]
    replies = [Reply(json.dumps(row)) for row in rows]
    found = contradiction(replies)
    assert found.good is False
    assert found.score == pytest.approx(2 / 3)
    assert "/city 33%" in found.reason
    assert "/n" not in found.reason
    assert found.fields == {"/city": False, "/n": True}
    agreement = {field.path: field.agreement for field in consistency.judge(replies).fields}
    assert agreement == {"/city": pytest.approx(1 / 3), "/n": 1.0}
    assert contradiction(replies, fields=frozenset({"/n"})).good is True
    assert contradiction(replies, fields=frozenset({"/x"})).good is None


def test_a_missing_field_disagrees_and_true_is_not_one() -> None:
    found = contradiction([Reply("", data={"a": 1, "b": None}), Reply("{}", data={"a": True})])
    assert found.good is None  # an empty text is an empty reply, whatever the object
    found = contradiction([Reply("{..}", data={"a": 1, "b": 2}), Reply("{..}", data={"a": True})])
    assert found.score == 1.0
    assert "/a 0%" in found.reason
    assert "/b 0%" in found.reason


def test_prose_in_a_field_is_compared_as_text() -> None:
    def reply(why: str) -> Reply:
        return Reply(json.dumps({"ok": True, "why": why}))

    same = [reply("The refund takes seven days from delivery."), reply("From delivery, the refund takes 7 days.")]
    assert contradiction(same).good is True
    other = [reply("The refund takes seven days from delivery."), reply("From delivery, the refund takes 9 days.")]
    assert contradiction(other).good is False


def test_equal_objects_are_identical_replies() -> None:
    assert contradiction([Reply('{"a": 1}'), Reply('{ "a": 1 }')]).good is None


# ---- the measure


def test_the_measure_takes_the_replies_of_a_case_together() -> None:
    group = measure(repeats=2)
    seen = [Observation(Reply("It opened in 1987.")), Observation(Reply("It was opened in 1993."))]
    assert group.repeats == 2
    assert group.measure_together(CASE, seen).good is False
    assert group.measure(CASE, seen[0]).good is None
    missing = group.measure_together(CASE, [seen[0], Observation(None, TrialError("timeout", "60 s"))])
    assert missing.good is None
    assert "reply 2 of 2: timeout" in missing.reason


@pytest.mark.parametrize(
    "params",
    [
        {"repeats": 1},
        {"repeats": True},
        {"repeats": 2.0},
        {"repeats": 21},
        {"max_risk": 0},
        {"fields": []},
        {"fields": 3},
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: Any) -> None:
    with pytest.raises(LlmgateError) as caught:
        measure(**params)
    assert caught.value.problems[0].code == "bad-parameter"


# ---- laws


@given(st.lists(st.text(max_size=200), min_size=2, max_size=4))
def test_any_texts_have_a_measurement_whose_order_does_not_matter(texts: list[str]) -> None:
    one, other = of(*texts), of(*reversed(texts))
    assert one.good is other.good
    if one.score is not None:
        assert 0.0 <= one.score <= 1.0
        assert one.score == pytest.approx(other.score)


def test_the_shipped_weights_fit_the_figures_and_never_reward_disagreement() -> None:
    model = consistency.shipped()
    assert model.names == NAMES
    assert min(model.weights) >= 0.0
    rows = figures(voice_of("It opened in 1987."), [voice_of("It opened in 1987.")])
    assert [len(row) for row in rows] == [len(NAMES)]


def test_long_replies_take_bounded_time() -> None:
    texts = [" ".join(f"Order {n} of {n % 31 + shift} items left Depot{n}." for n in range(150)) for shift in range(3)]
    began = process_time()
    of(*texts)
    assert process_time() - began < 12.0
