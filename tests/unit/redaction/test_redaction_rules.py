"""What a project says itself: what is private, what is not, and the key of the pseudonyms."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.core.private_kinds import OPTIONAL, ORDINARY
from pytest_llmgate.redaction.redactor import Redactor
from pytest_llmgate.redaction.rules import Rules, read_rules


def redactor(env: dict[str, str] | None = None, **table: Any) -> Redactor:
    return Redactor(rules=read_rules(table, env or {}))


def test_an_empty_table_says_nothing() -> None:
    assert read_rules({}, {}) == Rules()


def test_texts_of_the_deny_list_are_found_as_whole_words_in_any_case_and_spacing() -> None:
    red = redactor(deny=["Project Falcon", "Ann", "Ann Marie", "C++", "Łódź"])
    text, found = red.redact("project\n falcon and ANN MARIE; Annex, ann. c++ in Łódź")
    assert [item.kind for item in found] == ["denied"] * 5
    assert "falcon" not in text and "MARIE" not in text and "Łódź" not in text and "c++" not in text
    assert "Annex" in text
    assert red.redact(text) == (text, found)


def test_the_same_text_has_the_same_stand_in_however_it_is_written() -> None:
    _, found = redactor(deny=["Project Falcon"]).redact("Project Falcon, PROJECT  FALCON")
    assert found[0].pseudonym == found[1].pseudonym
    assert found[0].pseudonym.startswith("REDACTED1")


def test_patterns_of_the_project() -> None:
    red = redactor(deny_patterns=["EMP-[0-9]{6}", "(?i)codename \\w+"])
    text, found = red.redact("EMP-123456 is on Codename zebra, EMP-12")
    assert text.count("REDACTED1") == len(found) == 2
    assert text.endswith("EMP-12")


def test_a_pattern_that_runs_over_everything_stops_at_stand_ins() -> None:
    red = redactor(deny_patterns=[".+"])
    once = red.redact("ask bob@corp.com")
    assert red.redact(once[0]) == once
    assert "ask" not in once[0]


def test_what_is_allowed_stays() -> None:
    red = redactor(allow=["Help@Corp.com", "1-800-222-1222"])
    text, found = red.redact("write to help@corp.com or bob@corp.com, or call 1-800-222-1222")
    assert "help@corp.com" in text and "1-800-222-1222" in text
    assert [item.kind for item in found] == ["email"]


def test_kinds_can_be_left_out_and_web_addresses_asked_for() -> None:
    text = "41.173.96.26 called https://www.example.com/a?b=1."
    assert redactor(without=["ip"]).redact(text) == (text, ())
    red = redactor(urls=True)
    cleaned, found = red.redact(text)
    assert [item.kind for item in found] == ["ip", "url"]
    assert "example.com" not in cleaned and cleaned.endswith(".example.invalid.")
    assert red.redact(cleaned) == (cleaned, found)


def test_a_kind_of_several_that_one_finder_finds_can_be_left_out() -> None:
    text = "853-37-1694 and 618-226-1460"
    assert [item.kind for item in redactor(without=["ssn"]).redact(text)[1]] == ["phone"]


def test_the_key_comes_from_the_environment() -> None:
    red = redactor({"LLMGATE_KEY": "our own"}, key_env="LLMGATE_KEY")
    assert red.redact("bob@corp.com") == Redactor(b"our own").redact("bob@corp.com")
    assert red.redact("bob@corp.com") != Redactor().redact("bob@corp.com")


@pytest.mark.parametrize(
    ("table", "code", "said"),
    [
        ({"dney": []}, "unknown-key", "did you mean 'deny'"),
        ({"deny": "Falcon"}, "bad-option", "takes a list"),
        ({"deny": [""]}, "bad-option", "not empty"),
        ({"deny": [3]}, "bad-option", "takes a list"),
        ({"deny": ["x" * 501]}, "bad-option", "at most 500 characters"),
        ({"without": ["emial"]}, "bad-option", "did you mean 'email'"),
        ({"urls": "yes"}, "bad-option", "true or false"),
        ({"key_env": 3}, "bad-option", "environment variable"),
        ({"key_env": "MISSING"}, "redaction-key", "not set"),
        ({"key_env": "LONG"}, "redaction-key", "too long"),
        ({"deny_patterns": ["(a"]}, "bad-option", "not RE2"),
        ({"deny_patterns": ["(?=a)"]}, "bad-option", "not RE2"),
        ({"deny_patterns": ["a*"]}, "bad-option", "empty text"),
    ],
)
def test_mistakes_are_told_with_their_place(table: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        Redactor(rules=read_rules(table, {"LONG": "x" * 65}, lambda key: Where("pyproject.toml", 7)))
    assert caught.value.problems[0].code == code
    assert said in str(caught.value)


def test_names_need_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(LlmgateError, match=r"pip install 'pytest-llmgate\[pii\]'") as caught:
        redactor(names=True)
    assert caught.value.problems[0].code == "missing-extra"


def test_names_are_found_where_the_extra_is_installed() -> None:
    pytest.importorskip("presidio_analyzer", reason="the extra [pii] is not installed")
    red = redactor(names=True)
    once = red.redact("Yesterday Elizabeth Hanson met Richard Martinez in Paris.")
    assert [item.kind for item in once[1]] == ["name", "name"]
    assert "Hanson" not in once[0] and "Martinez" not in once[0]
    assert red.redact(once[0]) == once


def test_every_kind_has_a_name_that_can_be_written() -> None:
    kinds = (*ORDINARY, *OPTIONAL)
    assert len(set(kinds)) == len(kinds) == 13
    assert all(kind == kind.lower() and " " not in kind for kind in kinds)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(alphabet="abcR0E- ", min_size=1, max_size=6).filter(str.strip), max_size=4),
    st.text(alphabet="abcREDACTE01 -@.", max_size=40),
)
def test_with_any_deny_list_redacting_twice_changes_nothing(deny: list[str], text: str) -> None:
    red = redactor(deny=deny)
    once = red.redact(text)
    assert red.redact(once[0]) == once


def test_ten_thousand_names_in_a_long_text() -> None:
    red = redactor(deny=[f"customer {number}" for number in range(10_000)])
    text = "nothing to see here " * 5_000 + "Customer 4711"
    assert red.redact(text)[0].endswith(red.redact("customer 4711")[0])
