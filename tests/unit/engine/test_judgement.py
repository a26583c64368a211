"""From observations to records, evidence, and verdicts whose sentences say what is ruled out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy
import pytest
from engine_samples import cases, gate, plan, prompt_plan, record, run_through, said, stream

from pytest_llmgate.core.codec import text_digest
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.observation import Measurement, Observation, Span, TrialError
from pytest_llmgate.core.plan import Quarantine
from pytest_llmgate.core.rates import percent
from pytest_llmgate.core.reply import Redaction, Reply, Usage
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.decide import decide_test
from pytest_llmgate.engine.evidence import REASONS, SHOWN_PER_GATE, Evidence
from pytest_llmgate.engine.fields import FieldCounts
from pytest_llmgate.engine.judge import AndBodyPassed, BodyPassed, Judge
from pytest_llmgate.engine.verdicts import unjudged

FIRST = Trial(0, 0, 0, 42)


class Gives:
    """A measure that gives, or raises, what it is told."""

    def __init__(self, found: Any) -> None:
        self.found = found

    def measure(self, case: object, seen: object) -> Any:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def judged(found: Any, seen: Observation | None = None) -> Any:
    return Judge(plan(), [Gives(found)]).record(FIRST, seen or said("fine"))


# ---- records


def test_a_record_holds_what_was_seen_and_measured() -> None:
    usage = Usage(1, 3, 4, Decimal("0.01"))
    seen = Observation(Reply("fine"), None, usage, 12.0, 3.0, True)
    made = judged(Measurement(False, 0.25, "too short"), seen)
    assert (made.test, made.case, made.trial) == ("a.suite.yaml::t", "c0", FIRST)
    assert (made.verdicts, made.scores, made.reasons) == ({"good": False}, {"good": 0.25}, {"good": "too short"})
    assert (made.usage, made.latency_ms, made.queued_ms, made.replayed) == (usage, 12.0, 3.0, True)
    assert made.reply == text_digest("fine")


def test_a_reason_is_kept_for_what_is_not_good_and_cut_short() -> None:
    assert judged(Measurement(True, None, "contains it")).reasons == {}
    assert len(judged(Measurement(False, None, "x" * 9999)).reasons["good"]) == 300


def test_fields_of_a_structured_reply_are_kept_where_a_measure_gives_them() -> None:
    assert judged(Measurement(False, None, "no", {"$.city": False, "$.zip": None})).fields == {
        "good": {"$.city": False, "$.zip": None}
    }
    assert judged(Measurement(True)).fields == {}
    assert judged((True, None, "")).fields == {}, "a plug-in's plain tuple of three is a measurement too"


def test_fields_that_make_no_sense_leave_a_hole_and_too_many_are_cut() -> None:
    assert judged(Measurement(True, None, "", {"$.city": "no"})).verdicts == {"good": None}  # type: ignore[dict-item]
    assert len(judged(Measurement(True, None, "", {f"$.{n}": True for n in range(999)})).fields["good"]) == 100


def test_spans_are_kept_of_bad_replies_and_bounded() -> None:
    span = Span(5, 8, "10%" * 99, "unsupported", "x" * 999)
    (kept,) = judged(Measurement(False, None, "no", spans=(span,))).spans["good"]
    assert (kept.start, kept.end, kept.says) == (5, 8, "unsupported")
    assert (len(kept.text), len(kept.evidence)) == (60, 200)
    assert len(judged(Measurement(False, None, "no", spans=(span,) * 99)).spans["good"]) == 20
    assert judged(Measurement(True, None, "yes", spans=(span,))).spans == {}
    assert judged(Measurement(True, spans=(Span(8, 5, "", ""),))).verdicts == {"good": None}, "it ends before it begins"


def test_what_spans_quote_is_redacted() -> None:
    found = Measurement(False, None, "no", spans=(Span(0, 4, "anna", "said anna", "of anna"),))
    judge = Judge(plan(), [Gives(found)], lambda text: text.replace("anna", "[name]"))
    assert judge.record(FIRST, said("anna")).spans == {"good": (Span(0, 4, "[name]", "said [name]", "of [name]"),)}


def test_the_models_that_answered_are_counted_and_several_are_a_warning() -> None:
    assert judged(Measurement(True), Observation(Reply("x", model="m-2026" * 99))).model == ("m-2026" * 99)[:200]
    window = stream(prompt_plan(gate("a"), stop="all"))
    for number, trial in enumerate(iter(window.next, None)):
        window.put(record(window.plan, trial, True)._replace(model="m-1" if number else "m-0"))
    found = decide_test(window)
    assert found.models == {"m-0": 1, "m-1": found.trials - 1}
    (warning,) = found.warnings
    assert warning.startswith("2 models answered: m-0 (1), m-1 (")
    assert found.to_row()["models"] == found.models
    window = stream(prompt_plan(gate("a")))
    run_through(window, lambda trial: True)
    assert "models" not in decide_test(window).to_row(), "no provider said which model answered"


def test_a_failing_trial_shows_what_its_gate_objects_to() -> None:
    evidence = Evidence(plan(gate("a"), gate("b")))
    span = Span(0, 2, "no", "unsupported")
    made = record(plan(), FIRST, False)._replace(verdicts={"a": False, "b": False}, spans={"a": (span,)})
    evidence.add(made)
    one, other = evidence.failing
    assert one["spans"] == [{"start": 0, "end": 2, "text": "no", "says": "unsupported", "evidence": ""}]
    assert "spans" not in other


def test_redactions_are_counted_by_kind() -> None:
    found = (Redaction("phone", 0, 3, "x"), Redaction("email", 5, 9, "y"), Redaction("email", -1, -1, "z"))
    assert judged(Measurement(True), Observation(Reply("x", redactions=found))).redactions == {"email": 2, "phone": 1}
    assert judged(Measurement(True)).redactions == {}


def test_a_verdict_says_which_fields_agree_the_worst_first_over_all_trials() -> None:
    test = plan(gate("is-json"), gate("other"), stop="all")
    window, number = stream(test), 0
    while (trial := window.next()) is not None:
        fields = {"$": True, "$.city": number % 3 > 0, **({"$.zip": False} if number == 1 else {})}
        window.put(record(test, trial, True, fields={"is-json": fields}, redactions={"email": 1} if number < 2 else {}))
        number += 1
    found = decide_test(window)
    assert found.gates[0].figures == {
        "fields": {
            "$.zip": {"good": 0, "n": 1},
            "$.city": {"good": number - (number + 2) // 3, "n": number},
            "$": {"good": number, "n": number},
        }
    }
    assert list(found.gates[0].figures["fields"]) == ["$.zip", "$.city", "$"]
    assert found.gates[1].figures == {}
    assert (found.redactions, found.to_row()["redactions"]) == ({"email": 2}, {"email": 2})


def test_replies_that_invent_keys_fill_no_memory() -> None:
    counts = FieldCounts()
    for number in range(1000):
        counts.add({"$": number % 2 == 0, f"$.{number}": False})
    rows = counts.rows()
    assert len(rows) == 200
    assert rows["$"] == {"good": 500, "n": 1000}, "fields seen early are counted to the end"


def test_an_error_is_written_with_its_kind() -> None:
    made = judged(Measurement(None), Observation(None, TrialError("timeout", "no answer within 2 s", fatal=True)))
    assert (made.error, made.fatal, made.reply) == ("timeout: no answer within 2 s", True, None)


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (ValueError("no total"), "the measure raised ValueError: no total"),
        (UnspeakableError(), "the measure raised UnspeakableError: (no message)"),
        (True, "TypeError"),
        (None, "TypeError"),
        (Measurement("no"), "good is 'no', not True, False or None"),  # type: ignore[arg-type]
        (Measurement(1), "good is 1, not True, False or None"),  # type: ignore[arg-type]
        (Measurement(True, "high"), "ValueError"),  # type: ignore[arg-type]
    ],
)
def test_a_measure_that_raises_or_says_nonsense_leaves_a_hole(found: Any, why: str) -> None:
    made = judged(found)
    assert made.verdicts == {"good": None}
    assert why in made.reasons["good"]


def test_numpy_answers_are_as_good_as_ours() -> None:
    made = judged(Measurement(numpy.bool_(False), numpy.float32(0.5), "low"))
    assert made.verdicts["good"] is False
    assert '"scores":{"good":0.5}' in made.to_line()


def test_the_body_of_a_test_is_measured_by_its_end() -> None:
    body = BodyPassed()
    case = plan().cases[0]
    assert body.measure(case, Observation(None, passed=True)).good is True
    assert body.measure(case, Observation(None, passed=False, detail="assert 1 == 2")) == Measurement(
        False, None, "assert 1 == 2"
    )
    assert body.measure(case, Observation(None, TrialError("raised", "KeyError"))).good is None


@pytest.mark.parametrize(("strict", "reply", "good"), [(True, "x", False), (False, "x", True), (False, None, False)])
def test_a_failed_body_fails_its_other_gates_unless_it_left_a_reply(
    strict: bool, reply: str | None, good: bool
) -> None:
    measure = AndBodyPassed(Gives(Measurement(True)), strict=strict)
    seen = Observation(None if reply is None else Reply(reply), passed=False, detail="boom")
    assert measure.measure(plan().cases[0], seen).good is good


# ---- evidence


def test_evidence_counts_and_shows_some() -> None:
    test = plan(cases=cases(3))
    evidence = Evidence(test)
    for index in range(30):
        trial = Trial(index, index % 2, index // 2, index)
        evidence.add(
            record(test, trial, False, usage=Usage(1, 2, None, None), replayed=index < 4, reasons={"good": "bad"})
        )
    assert (evidence.cases, evidence.distinct_replies, evidence.replayed, evidence.errors) == (2, 2, 4, 0)
    assert evidence.usage == Usage(30, 60, None, None)
    assert len(evidence.latencies("good")) == 30
    assert len(evidence.failing) == SHOWN_PER_GATE
    assert evidence.failing[1] == {
        "gate": "good", "case": "c1", "repeat": 0, "index": 1, "reason": "bad", "reply": text_digest("reply to 1"),
    }  # fmt: skip


def test_evidence_says_why_a_trial_has_no_score() -> None:
    test = plan()
    evidence = Evidence(test)
    evidence.add(record(test, FIRST, None, error="transport: reset"))
    evidence.add(record(test, Trial(1, 1, 0, 7), None, reasons={"good": "the measure raised X"}))
    assert evidence.problems == ["case c0, repeat 0: transport: reset", "case c1, repeat 0: good: the measure raised X"]
    assert evidence.errors == 1


def test_evidence_says_each_reason_once_and_how_often_it_came_up() -> None:
    test = plan(cases=cases(3))
    evidence = Evidence(test)
    for index in range(12):
        evidence.add(record(test, Trial(index, index % 3, index // 3, index), None, error="transport: reset"))
    evidence.add(record(test, Trial(12, 1, 4, 12), None, error="timeout: late"))
    evidence.add(record(test, Trial(13, 1, 5, 13), None, error="timeout: late"))
    assert evidence.problems == ["case c0, repeat 0: transport: reset", "case c1, repeat 4: timeout: late"]
    assert evidence.unscored.told() == (
        "case c0, repeat 0 (and 11 more, of 3 cases in all): transport: reset",
        "case c1, repeat 4 (and 1 more of this case): timeout: late",
    )


def test_evidence_counts_the_reasons_beyond_those_that_it_names() -> None:
    test = plan()
    evidence = Evidence(test)
    for index in range(REASONS + 5):
        evidence.add(record(test, Trial(index, 0, index, index), None, error=f"transport: reset {index}"))
    assert len(evidence.problems) == REASONS
    assert evidence.unscored.told()[REASONS:] == ("5 further trials could not be scored, for other reasons",)


def test_evidence_shows_what_is_unlike_the_first_failures_too() -> None:
    test = plan()
    evidence = Evidence(test)
    for index in range(60):
        reasons = {"good": "other" if index % 20 == 19 else "same"}
        evidence.add(record(test, Trial(index, 0, index, index), False, reasons=reasons, reply="r"))
    assert [row["index"] for row in evidence.failing] == [*range(SHOWN_PER_GATE), 19]


# ---- sentences


def reason(answer: Any, *gates: Any, cut: str = "", **fields: Any) -> str:
    """The sentence of the first gate after sampling with `answer`."""
    window = stream(plan(*gates, **fields))
    if cut:
        trial = window.next()
        assert trial is not None
        window.put(record(window.plan, trial, answer(trial)))
        window.cut(cut)
    run_through(window, answer)
    return decide_test(window).gates[0].reason


def every(trial: Trial) -> bool:
    return True


def never(trial: Trial) -> bool:
    return False


def test_a_pass_names_n_the_rate_that_is_ruled_out_and_the_risk() -> None:
    assert reason(every) == "13 of 13: at or below 70 % is ruled out (5 % risk)"


def test_a_fail_names_n_rate_and_limit() -> None:
    assert reason(never) == "0 of 3: at or above the limit of 90 % is ruled out (5 % risk)"
    some = reason(lambda trial: trial.index % 2 == 0)
    assert some.startswith("2 of 5 (40 %)") or " of " in some
    assert "the limit of 90 %" in some


def test_rates_of_unwanted_events_are_turned_round() -> None:
    unwanted = gate(unwanted=True)
    assert reason(every, unwanted) == "0 of 13: at or above 30 % is ruled out (5 % risk)"
    assert reason(never, unwanted) == "3 of 3: at or below the limit of 10 % is ruled out (5 % risk)"
    window = stream(plan(unwanted))
    run_through(window, every)
    found = decide_test(window).gates[0]
    assert (found.estimate, found.threshold, found.bad, found.successes) == (0.0, 0.1, 0.3, 13)
    assert found.interval is not None
    low, high = found.interval
    assert low == 0.0 < high <= 0.3


def test_zero_tolerance_speaks_of_violations() -> None:
    strict = gate(good=1.0, bad=0.8)
    assert reason(every, strict) == "no violation in 14: a rate of 20 % or more is ruled out (5 % risk)"
    one = reason(lambda trial: trial.index != 6, strict)
    assert one == "1 violation in 7, the first at trial 7: none is tolerated (limit 0 %)"
    at_the_end = reason(lambda trial: trial.index not in (2, 6), gate(good=1.0, bad=0.8, rule="fixed"), trials=20)
    assert at_the_end == "2 violations in 20: none is tolerated (limit 0 %)"


def test_a_family_fails_at_its_own_share_of_alpha() -> None:
    assert "(0.5 % risk)" in reason(never, gate(family=10))


@pytest.mark.parametrize(
    ("cut", "words"), [("budget", "the budget ended the run"), ("interrupted", "go on with --llm-resume")]
)
def test_inconclusive_says_what_ended_it(cut: str, words: str) -> None:
    sentence = reason(every, cut=cut)
    assert sentence.startswith("1 of 1: cannot tell 90 % from 70 % yet")
    assert words in sentence


def test_inconclusive_at_the_ceiling_says_what_to_do() -> None:
    sentence = reason(every, trials=8)
    assert sentence.startswith("8 of 8: cannot tell 90 % from 70 % yet")
    assert "at most 8 trials" in sentence


def test_too_many_holes_are_an_error_that_shows_the_first() -> None:
    window = stream(plan(max_errors=0.05, trials=60))
    run_through(window, lambda trial: None if trial.index in (1, 2) else True, reasons={"good": "no JSON in it"})
    found = decide_test(window).gates[0]
    assert (found.verdict, found.stop_reason) == (Outcome.ERROR, "holes")
    assert found.reason.startswith(f"2 of {found.n} trials could not be scored (limit 5 %); first: case ")
    assert "no JSON in it" in found.reason


def test_a_census_says_so() -> None:
    window = stream(prompt_plan(gate(good=0.6, bad=0.5), deterministic=True))
    run_through(window, lambda trial: trial.case != 0)
    reason = decide_test(window).gates[0].reason
    assert reason == "4 of 5 (80 %) cases, each with one possible reply (census): keeps the limit of 60 %"


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0.95, "95 %"),
        (0.975, "97.5 %"),
        (0.9995, "99.95 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.00025, "0.025 %"),
        (0.000025, "0.0025 %"),
    ],
)
def test_percent(rate: float, words: str) -> None:
    assert percent(rate) == words


# ---- verdicts


def test_the_verdict_of_a_test_is_its_worst_blocking_gate() -> None:
    quiet = gate("quiet", severity="warn")
    held = gate("held", quarantine=Quarantine(until="2030-01-01", reason="known"))
    window = stream(plan(gate("good"), quiet, held))
    run_through(window, lambda _: {"good": True, "quiet": False, "held": False})
    verdict = decide_test(window, order=3, warnings=("w",))
    assert verdict.verdict is Outcome.PASS
    assert [found.verdict.value for found in verdict.gates] == ["pass", "fail", "fail"]
    assert [found.blocking for found in verdict.gates] == [True, False, False]
    assert verdict.gates[2].quarantine == {"until": "2030-01-01", "reason": "known"}
    assert (verdict.order, verdict.warnings) == (3, ("w",))


def test_pass_and_fail_agree_with_their_intervals() -> None:
    for answer in (every, never, lambda trial: trial.index % 4 != 0, lambda trial: trial.index % 9 != 3):
        window = stream(plan())
        run_through(window, answer)
        found = decide_test(window).gates[0]
        assert found.interval is not None
        if found.verdict is Outcome.PASS:
            assert found.interval[0] >= 0.7
        if found.verdict is Outcome.FAIL:
            assert found.interval[1] <= 0.9


def test_what_could_not_start_is_an_error_without_figures() -> None:
    verdict = unjudged(plan(), ("no API key",), order=2)
    row = verdict.to_row()
    assert (row["verdict"], row["trials"], row["problems"]) == ("error", 0, ["no API key"])
    assert (row["gates"][0]["estimate"], row["gates"][0]["interval"], row["distinct_replies"]) == (None, None, None)
    assert row["usage"]["input_tokens"] is None
