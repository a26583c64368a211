"""What is private is replaced, keeps its format, and is recognised again."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_llmgate.redaction.pseudonyms import luhn
from pytest_llmgate.redaction.redactor import Redactor

SECRETS = {
    "openai": "sk-proj-abc123def456ghi789jkl012",
    "anthropic": "sk-ant-api03-abcDEF123456_ghiJKL",
    "github": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github fine-grained": "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuv",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "google": "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "slack": "xoxb-123456789012-abcdefGHIJKL",
    "hugging face": "hf_AbCdEfGhIjKlMnOpQrStUvWx12345678",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
}
CARDS = ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "3782 822463 10005", "4222222222222"]


def redact(text: str) -> str:
    return Redactor().redact(text)[0]


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_a_key_is_replaced_but_for_its_prefix(secret: str) -> None:
    text, found = Redactor().redact(f"use {secret}, please")
    assert secret not in text
    assert [item.kind for item in found] == ["secret"]
    assert text.startswith(f"use {secret[:3]}")
    assert text.endswith(", please")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef0123456789abcdef",
        'curl -H "authorization: bearer 4f9c2d7a81b3e650"',
        "api_key=9fK2mQ7xW4pL8vR3",
        '{"token": "9fK2mQ7xW4pL8vR3"}',
        '{\\"client_secret\\": \\"9fK2mQ7xW4pL8vR3\\"}',
        "password: 9fK2mQ7xW4pL",
    ],
)
def test_a_secret_is_known_by_its_name(text: str) -> None:
    cleaned, found = Redactor().redact(text)
    assert [item.kind for item in found] == ["secret"]
    assert re.search("REDACTED0[a-p]{15}", cleaned)
    assert "9fK2" not in cleaned and "0123456789" not in cleaned and "4f9c" not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "the task-force-of-2024-something-long met",
        "sk-learn-compatible-estimators-are-fine",
        "bearer telecommunications",
        "token: the-word-token-has-a-colon",
        "max_tokens: 4096, temperature 0.7",
        "1700000000000 ms since 1970",
        "a ratio of 0.4111111111111111",
        "550e8400-e29b-41d4-a716-446655440000",
        "0000000000000000",
        "9999999999999999",
        "5 6 7 8 9 10 11 12 13 14 15 16",
        "ask @someone on the forum, or mail bob@localhost",
        "sha256:" + "ab" * 32,
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert Redactor().redact(text) == (text, ())


@pytest.mark.parametrize("card", CARDS)
def test_a_card_stays_a_well_formed_number_in_the_same_groups(card: str) -> None:
    text, found = Redactor().redact(f"paid with {card}.")
    stand_in = text.removeprefix("paid with ").removesuffix(".")
    assert stand_in != card
    assert re.sub(r"\d", "9", stand_in) == re.sub(r"\d", "9", card)
    assert luhn(re.sub(r"\D", "", stand_in))
    assert [(item.kind, item.pseudonym) for item in found] == [("card", stand_in)]


def test_a_number_in_json_stays_a_number() -> None:
    card = json.loads(redact('{"card": 4111111111111111}'))["card"]
    assert card != 4111111111111111 and len(str(card)) == 16


def test_a_card_is_found_between_other_numbers() -> None:
    text = redact("order 17 4111 1111 1111 1111 9000 and 4111111111111112")
    assert "4111 1111" not in text
    assert text.startswith("order 17 9999 ")
    assert text.endswith(" 9000 and 4111111111111112")  # the last one has a wrong check digit


@pytest.mark.parametrize("gap", ["\u00a0", "\u2011", "\u2013", "\u202f"])
def test_typographic_gaps_do_not_hide_a_card(gap: str) -> None:
    assert "4111" not in redact(gap.join(["4111", "1111", "1111", "1111"]))


@pytest.mark.parametrize("mail", ["bob@corp.com", "Jürgen.Groß+x@müller-söhne.co.uk", "a@b.cd", "x_%y@sub.a-b.org"])
def test_an_email_stays_an_email(mail: str) -> None:
    text, found = Redactor().redact(f"<{mail}>")
    assert re.fullmatch(r"<user-[0-9a-f]{12}@example\.invalid>", text)
    assert found[0].kind == "email"


def test_spans_point_into_the_redacted_text() -> None:
    text, found = Redactor().redact("bob@corp.com paid 4111111111111111 with AKIAIOSFODNN7EXAMPLE")
    assert [item.kind for item in found] == ["email", "card", "secret"]
    assert all(text[item.start : item.end] == item.pseudonym for item in found)


def test_the_same_secret_has_the_same_stand_in_and_another_key_another_one() -> None:
    first, second = redact("bob@corp.com BOB@corp.com eve@corp.com").split()[:2]
    assert first == second
    assert redact("eve@corp.com") != first
    assert Redactor(b"project").redact("bob@corp.com")[0] != first


def test_stand_ins_do_not_depend_on_the_process() -> None:
    code = "from pytest_llmgate.redaction.redactor import Redactor; print(Redactor().redact('bob@corp.com')[0])"
    for seed in ("1", "2"):
        said = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert said.stdout.strip() == redact("bob@corp.com")


@pytest.mark.parametrize("key", [b"", b"x" * 65])
def test_a_key_of_a_wrong_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="1 to 64 bytes"):
        Redactor(key)


def test_overlapping_finds_leave_no_half_of_a_secret() -> None:
    text = redact("token=9fK2mQ7xW4pL-sk-abc123def456ghi789jkl")
    assert "9fK2" not in text and "abc123" not in text


def test_a_stand_in_cannot_shield_a_card_behind_it() -> None:
    assert "4111111111111111" not in redact("REDACTED4111111111111111")


_pieces = st.one_of(
    st.sampled_from([*SECRETS.values(), *CARDS, "bob@corp.com", "token=", "api_key: ", "Bearer ", "sk-", "user-",
                     "@example.invalid", "REDACTED0", "eyJ", "9999", "@", ".", "-", " ", "\u202e", "\ud800", "4111"]),
    st.text(max_size=6),
    st.text(alphabet="0123456789 -", max_size=24),
    st.builds(redact, st.sampled_from([*SECRETS.values(), *CARDS, "bob@corp.com"])),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(_pieces, max_size=12).map("".join))
@example("sk-" + redact("token=9fK2mQ7xW4pL8vR3")[6:])
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = Redactor().redact(text)
    assert Redactor().redact(once[0]) == once


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([*SECRETS.values(), *CARDS, "bob@corp.com"]), st.text(max_size=40), st.text(max_size=40))
def test_a_secret_between_blanks_never_comes_through(secret: str, before: str, after: str) -> None:
    assert secret not in redact(f"{before}\n{secret}\n{after}")


@pytest.mark.parametrize(
    "unit",
    ["@", "a", "a@", "1", "4234 ", "sk-", "eyJ", "eyJaaaaa.", "bearer ", "token=", "user-", "REDACTED0", "222-",
     "x@a.a.", "\ud800@", "\u202e", "9999 ", "gh_", "Bearer\t"],
)  # fmt: skip
def test_hostile_repetition_comes_back_whole(unit: str) -> None:
    """A quadratic pattern would hang here for hours."""
    text = unit * (200_000 // len(unit))
    cleaned, found = Redactor().redact(text)
    assert len(cleaned) >= len(text) // 2
    assert all(cleaned[item.start : item.end] == item.pseudonym for item in found)


def test_ten_megabytes_with_one_secret() -> None:
    text, found = Redactor().redact("word " * 2_000_000 + "bob@corp.com")
    assert len(found) == 1
    assert "bob@corp.com" not in text
