"""What may be written down of a trial."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_samples import cases, gate, plan, record

from pytest_llmgate.core.reply import Reply
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.keeping import keeping

REPLY = Reply("said")


def opted_out():
    return plan(cases=tuple(replace(case, private=True) for case in cases(2)))


def test_of_a_private_case_verdicts_and_figures_stay_and_no_words() -> None:
    test = opted_out()
    found = keeping(test, 1)
    assert found is not None
    made = record(
        test, Trial(0, 0, 0, 1), False, scores={"good": 0.5}, reasons={"good": "said zephyrine"},
        fields={"good": {"$.zephyrine": True}},
    )  # fmt: skip
    kept, reply = found.of(made, REPLY)
    assert (reply, kept.verdicts, kept.scores, kept.reply) == (None, {"good": False}, {"good": 0.5}, made.reply)
    assert "zephyrine" not in kept.to_line()


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        ("raised: ValueError: zephyrine", "raised: withheld: the case opted out"),
        ("transport: the server said zephyrine", "transport: withheld: the case opted out"),
        ("timeout: no answer within 3 s", "timeout: no answer within 3 s"),
        ("budget: nothing left", "budget: nothing left"),
    ],
)
def test_of_its_errors_the_kind_stays_and_only_our_own_words(error: str, kept: str) -> None:
    test = opted_out()
    found = keeping(test, 1)
    assert found is not None
    assert found.of(record(test, Trial(0, 0, 0, 1), None, error=error), None)[0].error == kept


@pytest.mark.parametrize(
    ("index", "verdict", "error", "text"),
    [
        (0, True, None, True), (3, True, None, False), (10, True, None, True), (3, False, None, True),
        (3, None, None, True), (3, True, "timeout: late", True),
    ],
)  # fmt: skip
def test_one_in_ten_texts_is_kept_and_all_in_which_something_is_wrong(
    index: int, verdict: bool | None, error: str | None, text: bool
) -> None:
    test = plan()
    found = keeping(test, 10)
    assert found is not None
    kept, reply = found.of(record(test, Trial(index, 0, index, 1), verdict, error=error), REPLY)
    assert (reply is REPLY) is text
    assert kept.reply is not None


def test_where_everything_is_kept_no_trial_pays_for_it() -> None:
    assert keeping(plan(), 1) is None


def test_trials_that_are_judged_together_keep_their_texts() -> None:
    assert keeping(plan(gate("agree", repeats=3)), 10) is None
