"""Grounding from the inside: sentences, numbers, names, negations, and what the findings catch and let through."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paraphrases import edits, faithful

from pytest_llmgate.detectors.grounding.assess import assess
from pytest_llmgate.detectors.grounding.evidence import Evidence, index
from pytest_llmgate.detectors.grounding.features import NAMES, common
from pytest_llmgate.detectors.grounding.findings import Finding
from pytest_llmgate.detectors.grounding.language import language_of
from pytest_llmgate.detectors.grounding.passages import passage_of, passages_of
from pytest_llmgate.detectors.grounding.quantities import agree, find_quantities, rough_keys
from pytest_llmgate.detectors.grounding.score import Model, shipped, sigmoid
from pytest_llmgate.detectors.grounding.sentences import sentence_spans

MOST_FALSE, LEAST_RECALL, LEAST_SWAPS = 0.05, 0.95, 0.80


def findings(source: str, reply: str) -> tuple[Finding, ...]:
    found = assess(reply, index([("source", source)]), shipped())
    assert found is not None
    return found.findings


# ---- what it is for


@pytest.fixture(scope="module")
def indexes() -> dict[str, Evidence]:
    return {given.source: index([(given.document, given.source)]) for given in faithful()}


def test_at_most_one_faithful_paraphrase_in_twenty_is_flagged(indexes: dict[str, Evidence]) -> None:
    given = faithful()
    assert len(given) >= 300
    model = shipped()
    flagged = []
    for one in given:
        found = assess(one.reply, indexes[one.source], model)
        assert found is not None, one.reply
        if found.findings or found.risk >= model.threshold:
            flagged.append(one.reply)
    assert len(flagged) <= MOST_FALSE * len(given), flagged


def test_edited_numbers_negations_and_names_are_found_by_their_kind(indexes: dict[str, Evidence]) -> None:
    wanted = {"number": "number", "negation": "negation", "stranger": "entity", "swap": "entity"}
    seen, hit = Counter[str](), Counter[str]()
    for one in edits():
        found = assess(one.reply, indexes[one.source], shipped())
        assert found is not None
        seen[one.kind] += 1
        hit[one.kind] += any(finding.kind == wanted[one.kind] for finding in found.findings)
    assert min(seen.values()) >= 150
    recall = {kind: hit[kind] / seen[kind] for kind in seen}
    assert recall["number"] >= LEAST_RECALL, recall
    assert recall["negation"] >= LEAST_RECALL, recall
    assert recall["stranger"] >= LEAST_RECALL, recall
    assert recall["swap"] >= LEAST_SWAPS, recall


def test_a_reply_costs_little_beside_500_words_of_source(indexes: dict[str, Evidence]) -> None:
    """Index and judgement together; the fastest of some rounds, because other programs run too."""
    source = " ".join(sorted(indexes))[:3200]
    assert 480 <= len(source.split()) <= 620
    reply = " ".join(one.reply for one in faithful()[:4])

    def once() -> float:
        began = process_time()
        assess(reply, index([("source", source)]), shipped())
        return process_time() - began

    assert min(once() for _ in range(20)) < 0.010


# ---- numbers, dates, units


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("1,200 units", "1200 units"),
        ("1 200 units", "1,200 units"),
        ("1.2 thousand units", "1200 units"),
        ("1.2k units", "1,200 units"),
        ("€1.200", "1,200 euros"),
        ("$3.5m", "3.5 million dollars"),
        ("USD 5 million", "$5,000,000"),
        ("75 to 90 million", "€75 million"),
        ("85 cents", "$0.85"),
        ("about 3.5 million people", "3,512,000 people"),
        ("50%", "half of the users"),
        ("two thirds of voters", "66.7%"),
        ("2/3 of voters", "two thirds"),
        ("twenty-five", "25"),
        ("a dozen eggs", "12 eggs"),
        ("3 March 2021", "March 3, 2021"),
        ("2021-03-03", "3rd of March 2021"),
        ("03/2021", "March 3, 2021"),
        ("March 2021", "3 Mar. 2021"),
        ("in 2019", "3 March 2019"),
        ("the 1980s", "1985"),
        ("20th century", "1923"),
        ("3:30 pm", "15:30"),
        ("noon", "12:00"),
        ("8 km", "5 miles"),
        ("6 ft", "1.83 m"),
        ("90 minutes", "1.5 hours"),
        ("half an hour", "30 minutes"),
        ("a week ago", "7 days"),
        ("24 months", "2 years"),
        ("-5°C", "23 °F"),
        ("1,5 l", "1500 ml"),
        ("900 m²", "900 square metres"),
        ("third", "3rd"),
    ],
)
def test_one_quantity_in_two_formats_agrees(said: str, known: str) -> None:
    mine, theirs = find_quantities(said)[0], find_quantities(known)[0]
    assert agree(mine, theirs)
    assert rough_keys(mine) & rough_keys(theirs), "the index would not find it"


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("1990", "2000"),
        ("40 users", "42 users"),
        ("38%", "37.8%"),
        ("5 kg", "5 km"),
        ("12 km", "5 miles"),
        ("5 billion", "5 million"),
        ("4 March", "3 March 2021"),
        ("4 pm", "15:30"),
        ("20th century", "2023"),
        ("1980s", "1991"),
    ],
)
def test_different_quantities_do_not_agree(said: str, known: str) -> None:
    assert not agree(find_quantities(said)[0], find_quantities(known)[0])


@pytest.mark.parametrize("text", ["as shown [5]", "1. Open the box", "COVID-19", "the A380", "no number at all"])
def test_citations_list_marks_and_names_are_no_quantities(text: str) -> None:
    assert find_quantities(text) == ()


@given(st.integers(0, 10**9))
def test_a_number_agrees_with_itself_with_and_without_separators(value: int) -> None:
    plain, grouped = find_quantities(f"{value} items")[0], find_quantities(f"{value:,} items")[0]
    assert agree(plain, grouped)
    assert agree(grouped, plain)


# ---- sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith came. He left at 5 p.m. on Monday.", 2),
        ("It costs 3.50 euros. No refunds!", 2),
        ("- one\n- two\n- three", 3),
        ("he came . he left .", 2),
        ("第一句。第二句。", 2),
        ("", 0),
    ],
)
def test_sentences_end_where_they_end(text: str, count: int) -> None:
    assert len(sentence_spans(text)) == count


@given(st.text(max_size=2000))
def test_any_text_is_split_in_order_and_judged_without_a_fault(text: str) -> None:
    spans = sentence_spans(text)
    assert all(start < end for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    found = assess(text, index([("source", text[::-1])]), shipped())
    if found is not None:
        assert 0.0 <= found.risk <= 1.0
        assert all(text[finding.start : finding.end] == finding.text for finding in found.findings)


# ---- findings


def test_a_text_is_grounded_in_itself() -> None:
    for source in {one.source for one in faithful()}:
        found = assess(source, index([("source", source)]), shipped())
        assert found is not None
        assert not found.findings
        assert found.risk < 0.3


def test_a_name_that_stands_for_a_pronoun_is_no_swap() -> None:
    source = "Marguerite Oyelaran was born in Lagos. She taught literature at Ibadan and lived in Bodija."
    assert findings(source, "Oyelaran taught literature at Ibadan.") == ()


def test_a_name_that_a_description_stands_for_is_no_swap() -> None:
    source = "Acme Cloud offers three plans. The company was founded in 2012 by Maria Lopez in Berlin."
    assert findings(source, "Acme Cloud was founded by Maria Lopez in 2012.") == ()
    assert [one.text for one in findings(source, "The company was founded by Peter Klein in 2012.")] == ["Peter Klein"]


def test_a_price_by_the_month_is_no_number_of_months() -> None:
    assert findings("Basic costs $9 per month.", "Basic costs nine dollars a month.") == ()


def test_initials_and_peoples_names_are_known() -> None:
    source = "The United Nations met in Germany. Officials from Italy stayed away."
    assert findings(source, "The UN met on German soil.") == ()


def test_a_finding_shows_the_best_evidence() -> None:
    found = findings("The bridge is 90 m long. It opened in 1987.", "The bridge is 70 m long.")
    assert [(one.kind, one.text, one.evidence) for one in found] == [("number", "70 m", "The bridge is 90 m long.")]


def test_a_repeated_sentence_has_its_own_places() -> None:
    text = "It opened in 1999. It opened in 1999."
    assert [one.start for one in findings("It opened in 1987.", text)] == [13, 32]


@pytest.mark.parametrize(
    ("source", "reply", "flipped"),
    [
        ("The shop is open on Sundays.", "The shop is not open on Sundays.", True),
        ("The shop is not open on Sundays.", "The shop is closed on Sundays.", False),
        ("Staff never ask for passwords.", "Staff do not ask for passwords.", False),
        ("Staff never ask for passwords.", "Staff ask for passwords.", True),
        ("Sales increased in spring.", "Sales decreased in spring.", True),
        ("Not only staff may enter the hall.", "Staff may enter the hall.", False),
        ("The data never leave the EU.", "The data stay in the EU.", False),
        ("The data never leave the EU.", "The data leave the EU.", True),
    ],
)
def test_an_odd_number_of_turns_is_a_flip(source: str, reply: str, flipped: bool) -> None:
    assert any(one.kind == "negation" for one in findings(source, reply)) is flipped


def test_what_the_evidence_does_not_hold_is_marked_with_its_small_words() -> None:
    text = "The bridge is 90 m long. It was painted green in the 1970s."
    found = assess(text, index([("s", "The bridge is 90 m long. It was painted.")]), shipped())
    assert found is not None
    assert [text[start:end] for one in found.sentences for start, end in one.unsupported] == ["green in the 1970s"]


# ---- parts


def test_the_longest_common_subsequence_is_that_of_the_textbook() -> None:
    assert common("abcbdab", "bdcaba") == 4
    assert common("", "abc") == common("abc", "") == 0


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_common_is_symmetric_and_bounded(one: str, other: str) -> None:
    assert common(one, other) == common(other, one) <= min(len(one), len(other))
    assert common(one, one) == len(one)


def test_the_shipped_model_fits_the_features_and_never_rewards_what_is_missing() -> None:
    model = shipped()
    assert model.names == NAMES
    assert len(model.weights) == len(NAMES)
    assert min(model.weights) >= 0.0
    assert 0.5 < model.threshold < 1.0
    json.dumps(model.weights, allow_nan=False)


def test_a_worse_sentence_counts_more_and_a_longer_one_too() -> None:
    model = Model(("x",), (1.0,), 0.0, 1.0, 0.8)
    low, high = model.shares([0.0, 2.0], [5.0, 5.0])
    assert high > low
    short, long = model.shares([1.0, 1.0], [2.0, 8.0])
    assert (short, long) == pytest.approx((0.2, 0.8))
    assert sigmoid(-1e9) == pytest.approx(0.0)
    assert sigmoid(1e9) == 1.0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The house is in the city and it has been there for years.", "English"),
        ("Das Haus ist in der Stadt und steht auf dem Hügel.", "German"),
        ("La maison est dans la ville et elle est belle.", "French"),
        ("Дом стоит в городе.", "Cyrillic"),
        ("東京は大きな都市です。", "Japanese"),
        ("42", ""),
        ("Berlin", ""),
    ],
)
def test_languages_are_told_apart_and_short_texts_are_not_guessed(text: str, language: str) -> None:
    assert language_of(text) == language


def test_places_count_from_the_passage() -> None:
    first, second = passages_of("One day. The UN paid $5.")
    assert second.text[second.quantities[0].start : second.quantities[0].end] == "$5"
    assert second.start == 9
    assert passage_of("nothing").quantities == first.names == ()
