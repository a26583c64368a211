"""Assertions on single replies in plain tests, which need no run and no network."""

from __future__ import annotations

import json

import pytest

from pytest_llmgate import Reply, assert_consistent, assert_grounded

SOURCE = "Our office in Berlin opens at 9 a.m. and has 40 desks. Refunds are paid within 14 days."


def test_a_reply_that_its_sources_support_is_grounded() -> None:
    assert_grounded("The office in Berlin has 40 desks.", SOURCE)


@pytest.mark.parametrize("sources", [[SOURCE], [{"id": "faq", "text": SOURCE}], ("Unrelated words.", SOURCE)])
def test_sources_are_a_text_several_or_objects_with_one(sources: object) -> None:
    assert_grounded("Refunds are paid within 14 days.", sources)


def test_a_number_that_no_source_holds_is_named() -> None:
    with pytest.raises(AssertionError, match="number '30"):
        assert_grounded("Refunds are paid within 30 days.", SOURCE)


def test_the_sources_given_count_not_those_that_the_reply_brought_along() -> None:
    reply = Reply("Refunds are paid within 30 days.", context="Refunds are paid within 30 days.")
    with pytest.raises(AssertionError):
        assert_grounded(reply, SOURCE)


def test_a_stricter_limit_fails_what_the_shipped_one_lets_through() -> None:
    with pytest.raises(AssertionError, match=r"risk 0\.\d\d, limit 0\.00"):
        assert_grounded("The office in Berlin has 40 desks.", SOURCE, max_risk=1e-6)


@pytest.mark.parametrize(("reply", "sources"), [("", SOURCE), ("It opens at 9.", ""), ("It opens at 9.", [])])
def test_what_cannot_be_compared_does_not_pass(reply: str, sources: object) -> None:
    with pytest.raises(AssertionError):
        assert_grounded(reply, sources)


def test_replies_that_say_the_same_in_other_words_are_consistent() -> None:
    assert_consistent(["The office in Berlin has 40 desks.", "There are 40 desks in the office in Berlin."])


def test_replies_that_name_different_numbers_are_not() -> None:
    with pytest.raises(AssertionError, match=r"4[05]"):
        assert_consistent(["The office in Berlin has 40 desks.", "The office in Berlin has 45 desks."])


def test_structured_replies_are_compared_by_field() -> None:
    with pytest.raises(AssertionError, match="/days"):
        assert_consistent([{"city": "Berlin", "days": 14}, {"city": "Berlin", "days": 30}])


@pytest.mark.parametrize("again", ["Berlin is open.", " Berlin is  open.\n"])
def test_identical_replies_pass_with_a_warning_as_they_agree_on_nothing(again: str) -> None:
    with pytest.warns(UserWarning, match="2 identical replies: this is no agreement"):
        assert_consistent(["Berlin is open.", again])


def test_the_same_object_written_otherwise_is_identical_too() -> None:
    with pytest.warns(UserWarning, match="identical"):
        assert_consistent([json.dumps({"a": 1}), json.dumps({"a": 1}, indent=2)])


@pytest.mark.parametrize("replies", [[], ["Berlin is open."], ["Berlin is open.", ""], ["", ""]])
def test_too_few_or_empty_replies_do_not_pass(replies: list[str]) -> None:
    with pytest.raises(AssertionError):
        assert_consistent(replies)
