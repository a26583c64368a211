"""Nothing private stays anywhere in a reply."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pytest_llmgate.core.reply import Reply
from pytest_llmgate.redaction.redactor import Redactor
from pytest_llmgate.redaction.replies import TOO_DEEP, redact_reply

MAIL = "bob@corp.com"
STAND_IN = Redactor().redact(MAIL)[0]


def test_every_part_that_came_from_outside_is_redacted() -> None:
    reply = Reply(
        f"write to {MAIL}",
        data={"to": MAIL, MAIL: [1, True, None, 0.5, Decimal("1.5")], "card": 4111111111111111},
        context=(f"source {MAIL}", {"id": "a", "text": MAIL}),
        tool_calls=({"name": "send", "arguments": {"to": "eve@corp.com"}},),
        model="gpt",
        finish_reason="stop",
        cost_usd="0.1",
    )
    clean = redact_reply(Redactor(), reply)
    assert "@corp.com" not in repr(clean)
    assert "4111111111111111" not in repr(clean)
    assert clean.data["to"] == STAND_IN
    assert clean.data[STAND_IN] == [1, True, None, 0.5, Decimal("1.5")]
    assert isinstance(clean.data["card"], int) and len(str(clean.data["card"])) == 16
    assert (clean.model, clean.finish_reason, clean.cost_usd) == ("gpt", "stop", "0.1")


def test_the_list_names_what_is_in_the_text_first_and_what_is_only_elsewhere_once() -> None:
    reply = Reply(f"to {MAIL}", data=[MAIL, "eve@corp.com", "eve@corp.com"])
    found = redact_reply(Redactor(), reply).redactions
    assert [(item.kind, item.start) for item in found] == [("email", 3), ("email", -1)]
    assert found[0].pseudonym == STAND_IN


def test_a_recorded_reply_is_not_changed_again() -> None:
    reply = Reply(f"to {MAIL}", data={"card": 4111111111111111, "to": "eve@corp.com"})
    once = redact_reply(Redactor(), reply)
    assert redact_reply(Redactor(), once) == once
    assert len(once.redactions) == 3


def test_a_clean_reply_is_the_same_object() -> None:
    reply = Reply("all fine", data={"a": [1]}, finish_reason="stop")
    assert redact_reply(Redactor(), reply) is reply


def test_deep_data_is_replaced_rather_than_passed_on() -> None:
    data: list[object] = [MAIL]
    for _ in range(5000):
        data = [data]
    clean = redact_reply(Redactor(), Reply("", data=data)).data
    for _ in range(100):
        clean = clean[0]
    assert clean == TOO_DEEP


def test_objects_are_searched_too() -> None:
    @dataclass
    class Answer:
        to: str

    class Opaque:
        def __str__(self) -> str:
            return MAIL

    assert redact_reply(Redactor(), Reply("", data=Answer(MAIL))).data == {"to": STAND_IN}
    assert redact_reply(Redactor(), Reply("", data=[Opaque()])).data == [STAND_IN]
