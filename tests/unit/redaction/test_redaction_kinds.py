"""What counts as private, kind by kind, in the forms that people write; and what only looks like it."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.reply import Reply, count_kinds
from pytest_llmgate.redaction.ibans import LENGTHS, checks
from pytest_llmgate.redaction.redactor import Redactor
from pytest_llmgate.redaction.replies import redact_reply

PRIVATE = {
    "phone": [
        "+44 20 7946 0958", "+1 (618) 226-1460", "+49-30-901820", "+33 1 84 17 61 18", "+41 (0)96 471 07 95",
        "+1-903-140-4508x769", "(618) 226-1460", "618-226-1460", "930.167.3943", "(898)666-3621x0135",
        "001-253-366-9781", "01.84.17.61.18", "0494 92 82 32", "020 7946 0958", "0961-7596216", "(030) 9018-2034",
        "(72) 754-186", "1-800-222-1222", "+86 138 0013 8000", "+91 98765 43210", "+5511987654321",
    ],
    "ssn": ["853-37-1694", "078-05-1120", "912-70-1234", "219\u201309\u20139999"],
    "iban": [
        "GB59IFUE40226315499137", "gb42nawi04454264788619", "DE89 3704 0044 0532 0130 00", "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S", "FR14 2004 1010 0505 0001 3M02 606", "BR1800360305000010009795493C1",
    ],
    "ip": ["41.173.96.26", "192.168.1.17", "10.0.0.12", "2001:db8::ff00:42:8329", "fe80:0:0:0:204:61ff:fe9d:f156"],
    "licence": ["MORGA657054SM9IJ", "JONES811126EW8AB", "MORG9657054SM9IJ"],
    "national-id": ["RSSMRA85T10A562S", "12345678Z", "X1234567L", "AB 12 34 56 C", "JG103759A"],
    "passport": ["L898902C36UTO7408122F1204159ZE184226B<<<<<10"],
    "card": [
        "4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "30059246683015", "2223003122003222",
        "6304000000000000", "3530111333300000", "6011000990139424", "4222222222222", "213173282369527",
    ],
    "email": ["bob@corp.com", "o'brien@corp.ie", "Jürgen.Groß+x@müller-söhne.co.uk", "bob%40corp.com", "a@[10.1.2.34]"],
    "secret": [
        "sk-proj-abc123def456ghi789jkl012", "sk-ant-api03-abcDEF123456_ghiJKL", "sk·_live_4eC39HqLyjWDarjtT1zdp7dc",
        "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "ya29.a0AfH6SMBx3kPq9Zr2LmN8vT4", "GOCSPX-a1B2c3D4e5F6g7H8i9J0kLmN", "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "glpat-abcDEF1234567890wxyz", "xox·b-123456789012-abcdefGHIJKL", "xapp-1-A0123456789-abcdef",
        "npm_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "pypi-AgEIcHlwaS5vcmcCJDNlZjE0YjA3LTk2",
        "hf_AbCdEfGhIjKlMnOpQrStUvWx12345678",
        "SG.a1B2c3D4e5F6g7H8i9J0kL.m1N2o3P4q5R6s7T8u9V0wXyZ", "dckr_pat_a1B2c3D4e5F6g7H8i9J0kLm",
        "dapi1234567890abcdef1234567890ab", "whsec_a1B2c3D4e5F6g7H8i9J0kLmN", "hvs.CAESIJ1a2b3c4d5e6f7g8h9i0j",
        "123456789:AAF1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q", "abc8Q~a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwX",
        "shpat_0123456789abcdef0123456789abcdef", "SK0123456789abcdef0123456789abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA1x\n-----END RSA PRIVATE KEY-----",
    ],
}  # fmt: skip

BY_CONTEXT = {
    "phone": [
        ("please call me at ", "99 577450"), ("Mobile: ", "72 128 827"), ("Can someone call me on ", "9472 7916"),
        ('{"phone": ', "6182261460"), ('{"phoneNumber": "', "28-64-66-98"), ("user_phone=", "6182261460"),
        ("Tel. ", "24 97 15 03"), ("my new number is ", "781 1704"), ("Téléphone : ", "1 84 17 61"),
        ("\u0645 +", "\u0664\u0664 20 7946 0958"),
    ],
    "ssn": [("SSN ", "853371694"), ("social security number: ", "853 37 1694")],
    "licence": [("my driver's license number is ", "D1234567"), ("Driving licence: ", "S123-4567-8901"),
                ("DL# ", "99123456"), ("my license is ", "D1234567"), ("license number: ", "A123-456-789")],
    "passport": [("passport no. ", "C01X00T47"), ("Passport number: ", "123456789")],
    "card": [("credit card ", "060426070011")],
    "secret": [
        ("password: ", "hunter2000"), ("password=", "hunt3r"), ("the password is ", "Tr0ub4dor&3"),
        ("postgres://bob:", "hunter22"),
        ("AWS_SECRET_ACCESS_KEY=", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AccountKey=", "a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ012345=="),
        ("https://hooks.slack.com/services/", "T00000000/B00000000/a1B2c3D4e5F6g7H8i9J0kLmN"),
    ],
}  # fmt: skip
BEHIND = {"hunter22": "@db/x"}

ORDINARY = [
    "it was 2005-07-21 18:19:22 in Lisbon", "on 11/3/1995 and 21.07.2005", "call me on 2005-07-21",
    "order 12345678 was sent, invoice 2024-000123", "see sections 1.2.3.4 and 12.4.5.6.7", "version 10.12.129.54",
    "pi is 3.14159265358979", "1,234,567,890 people, 7 900 000 000 in 2021", "ISBN 978-3-16-148410-0",
    "at 40.752007, -73.984140", "127.0.0.1 and 0.0.0.0, mask 255.255.255.0", "std::vector<int> a::b::c", "12:30:45:99",
    "550e8400-e29b-41d4-a716-446655440000", "123-45-678 and 000-12-3456 and 666-12-3456", "GB00IFUE40226315499137",
    "gross 12345678A is no id, nor is X1234567A", "the passport office opens at 9", "a licence to 4 people in 2004",
    "5 6 7 8 9 10 11 12 13 14 15 16", "4000123412341230", "1700000000000 ms", "tracking 1Z9999999999999999",
    "password: at least 8 characters", "the password is required", "token: the-word-token-has-a-colon",
    "e = mc^2 @ 9am",
    "https://example.com/a/2024/01/15/what-we-learned-in-2023.html", "sha256:" + "ab" * 32, "#15 top 20, 100% sure",
    "coordinates 48.8566140 2.3522219", "$1 000 000 or €250.000.000", "ratio 16:9 at 1920x1080", "C3PO, R2D2 and 4x4",
]  # fmt: skip


def listed(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Pairs of kind and text. The dot keeps scanners for real keys away from this file."""
    return [(kind, text.replace("·", "")) for kind, texts in table.items() for text in texts]


def kinds(text: str) -> list[str]:
    return [item.kind for item in Redactor().redact(text)[1]]


@pytest.mark.parametrize(("kind", "private"), listed(PRIVATE))
@pytest.mark.parametrize(("before", "behind"), [("", ""), ("It is ", ", I think."), ('{"a": "', '"}'), ("(", ")")])
def test_known_by_its_own_form(kind: str, private: str, before: str, behind: str) -> None:
    text, found = Redactor().redact(before + private + behind)
    assert [item.kind for item in found] == [kind]
    assert text.startswith(before) and text.endswith(behind)
    assert private not in text


@pytest.mark.parametrize(
    ("kind", "before", "private"), [(kind, *pair) for kind, pairs in BY_CONTEXT.items() for pair in pairs]
)
def test_known_by_the_words_around_it(kind: str, before: str, private: str) -> None:
    text, found = Redactor().redact(before + private + BEHIND.get(private, ""))
    assert [item.kind for item in found] == [kind]
    assert private not in text


@pytest.mark.parametrize("text", ORDINARY)
def test_what_only_looks_private_is_left_alone(text: str) -> None:
    assert Redactor().redact(text) == (text, ())


@pytest.mark.parametrize(
    ("kind", "private"), [(kind, text) for kind, text in listed(PRIVATE) if kind not in ("ip", "email", "secret")]
)
def test_digits_stay_digits_and_letters_letters(kind: str, private: str) -> None:
    """A form that takes the number takes its stand-in; no character of any length tells the two apart."""
    text, _ = Redactor().redact(private)
    assert len(text) == len(private)
    for old, new in zip(private, text, strict=True):
        assert (old.isdecimal(), old.isupper(), old.islower()) == (new.isdecimal(), new.isupper(), new.islower())
        assert old.isalnum() or old == new


@pytest.mark.parametrize("key", ["phone", "ssn", "passport", "driver license", "card"])
@pytest.mark.parametrize("number", [6182261460, 853371694, 4111111111111111, 203040506, 901234567])
def test_a_number_of_json_stays_one(key: str, number: int) -> None:
    """A gate on the schema of a reply must not fail because of what was replaced in it."""
    assert isinstance(json.loads(Redactor().redact(json.dumps({key: number}))[0])[key], int)


def test_stand_ins_are_well_formed_where_a_check_is_known() -> None:
    iban = Redactor().redact("DE89 3704 0044 0532 0130 00")[0]
    assert checks(iban.replace(" ", "")) and iban.startswith("DE")
    assert re.fullmatch(r"24[0-7]\.\d+\.\d+\.\d+", Redactor().redact("41.173.96.26")[0])


def test_every_country_has_its_length() -> None:
    assert len(LENGTHS) >= 85
    assert min(LENGTHS.values()) == 15 and max(LENGTHS.values()) == 33
    assert (LENGTHS["GB"], LENGTHS["DE"], LENGTHS["NO"], LENGTHS["MT"]) == (22, 22, 15, 31)


def test_the_same_number_has_the_same_stand_in_and_another_one_another() -> None:
    one, two, three = (Redactor().redact(text)[0] for text in ("618-226-1460", "618-226-1460", "618-226-1461"))
    assert one == two != three


def test_several_kinds_side_by_side() -> None:
    text = (
        "call 905-674-3793 2024-01-15, or 4111 1111 1111 1111 618-226-1460 from 41.173.96.26 bob@corp.com 853-37-1694"
    )
    assert kinds(text) == ["phone", "card", "phone", "ip", "email", "ssn"]


def test_digits_of_other_scripts_hide_nothing() -> None:
    assert kinds(
        "\uff14\uff11\uff11\uff11 \uff11\uff11\uff11\uff11 \uff11\uff11\uff11\uff11 \uff11\uff11\uff11\uff11"
    ) == ["card"]
    assert kinds("bob\uff20corp.com") == ["email"]
    assert kinds("4111\u200b1111\u200b1111\u200b1111") == ["card"]


def test_a_key_says_what_its_value_is() -> None:
    data = {"phone": 6182261460, "password": "hunter2000", "profile": {"ssn": "853371694"}, "order": 6182261460, "n": 7}
    clean = redact_reply(Redactor(), Reply("", data=data))
    assert clean.data["phone"] != 6182261460 and isinstance(clean.data["phone"], int)
    assert "hunter2000" not in repr(clean) and "853371694" not in repr(clean)
    assert (clean.data["order"], clean.data["n"]) == (6182261460, 7)
    assert count_kinds(clean.redactions) == {"phone": 1, "secret": 1, "ssn": 1}
    assert redact_reply(Redactor(), clean) == clean


_SEEDS = [text for _, text in listed(PRIVATE)]
_pieces = st.one_of(
    st.sampled_from([*_SEEDS, "call me at ", "SSN ", "passport no ", "card ", "::", "(", ")", "+", "x1", "\0", "<"]),
    st.text(alphabet="0123456789 -.()+:", max_size=24),
    st.text(max_size=4),
    st.builds(lambda text: Redactor().redact(text)[0], st.sampled_from(_SEEDS)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_pieces, max_size=10).map("".join))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = Redactor().redact(text)
    assert Redactor().redact(once[0]) == once
    assert all(once[0][item.start : item.end] == item.pseudonym for item in once[1])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(_SEEDS), st.text(max_size=30), st.text(max_size=30))
def test_nothing_between_line_breaks_comes_through(private: str, before: str, behind: str) -> None:
    assert private not in Redactor().redact(f"{before}\n\n{private}\n\n{behind}")[0]


@pytest.mark.parametrize(
    "unit",
    [
        "+1 ", "(1) ", "0 ", "1-", "1.", "12.3.4.", "::1", "a:", "1:", "GB59", "AD24 ", "A1", "X1", "<", "P<UTO", "=a1",
        "12345678Z ", "AB 12 34 56 ", "call me at ", "passport ", "licence no ", "password: ", "://a:", "%40", "\u0664",
        "-----BEGIN PRIVATE KEY-----", "1(", "()", "10 ", "SK0", "sk-a1", "x1", "1x1 ", "tel 1234567 ",
        "100-000-0000 ", "41.173.96.26 ",
    ],
)  # fmt: skip
def test_hostile_repetition_comes_back_whole(unit: str) -> None:
    """Linear work takes a second at most; anything quadratic would take hours."""
    cleaned, found = Redactor().redact(unit * (100_000 // len(unit)))
    assert all(cleaned[item.start : item.end] == item.pseudonym for item in found[:1000])
