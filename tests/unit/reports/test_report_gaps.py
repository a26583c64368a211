"""What a page says that was not measured, and which tests it leads to."""

from __future__ import annotations

from typing import Any

from circuit_samples import arm, circuit_row, failing_gate, shots_gate
from hypothesis import given
from hypothesis import strategies as st
from report_samples import gate_verdict, run_result
from report_samples import test_row as prompt_row
from test_report_html import nothing, read

from pytest_llmgate.reports.html import render_html
from pytest_llmgate.reports.page.gaps import Gap, gaps, linked


def of(*tests: dict[str, Any]) -> dict[str, Any]:
    """Sentences with the tests that they lead to."""
    return {gap.sentence: list(gap.tests) for gap in gaps(run_result(*tests))}


def unresolved(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "tvd": 0.01} for name in names]


def ruled_out(name: str) -> dict[str, Any]:
    return {"name": name, "tvd": 0.3, "ruled_out": True, "power": 0.9, "power_ceiling": 1.0}


def untouched(name: str, reason: str, stop_reason: str = "stale", **changes: Any) -> dict[str, Any]:
    """A circuit test of which nothing was drawn."""
    gate = shots_gate(verdict="inconclusive", stop_reason=stop_reason, reason=reason, n=0, circuit={"shots": 0})
    return circuit_row(gate, id=name, verdict="inconclusive", trials=0, cases=0, **changes)


def test_a_run_that_measured_everything_leaves_nothing_open() -> None:
    assert of(circuit_row()) == {}
    assert "Everything that the suites ask for was measured." in read(render_html(run_result(circuit_row()), nothing))


def test_changes_that_a_pass_does_not_rule_out_are_counted_and_lead_to_their_tests() -> None:
    one = circuit_row(shots_gate(circuit={"unresolved": unresolved("a", "b")}), id="one")
    other = circuit_row(shots_gate(circuit={"unresolved": unresolved("a"), "left_out": 83}), id="other")
    assert of(one, other, circuit_row()) == {
        "A pass does not rule out 3 changes of 2 circuits: too near to be told apart, or never revealed.": [
            "one",
            "other",
        ],
        "A pass does not rule out 83 further changes of 1 circuit: too many to simulate, so not tried.": ["other"],
    }


def test_what_another_gate_of_the_test_rules_out_is_not_open() -> None:
    """In another basis, say; and one change is one, however many gates leave it open."""
    gates = [
        shots_gate(name="z", circuit={"unresolved": unresolved("phase", "both")}),
        shots_gate(name="x", circuit={"unresolved": unresolved("both"), "alternatives": [ruled_out("phase")]}),
    ]
    assert list(of(circuit_row(*gates))) == [
        "A pass does not rule out 1 change of 1 circuit: too near to be told apart, or never revealed."
    ]


def test_of_several_streams_one_is_shown_and_others_may_leave_more_open() -> None:
    gate = shots_gate(circuit={"unresolved": unresolved("a"), "arms": [arm("basis Z", "pass"), arm("basis X", "pass")]})
    assert "A pass does not rule out at least 1 change of 1 circuit: " in next(iter(of(circuit_row(gate))))


def test_a_gate_that_fails_passes_nothing_by() -> None:
    gate = failing_gate(circuit={"unresolved": unresolved("a"), "left_out": 3})
    assert of(circuit_row(gate, verdict="fail")) == {}


def test_a_test_without_a_trial_is_named_with_the_reason() -> None:
    said = "stale baseline: it was taken under other noise"
    assert of(untouched("qft", said)) == {
        "1 gate with a stale baseline: nothing was compared.": [],
        f"1 test without a trial: {said}.": ["qft"],
    }


def test_tests_that_have_no_trial_for_the_same_reason_stand_together() -> None:
    tests = [untouched(f"t{number}", "no approved baseline yet", "new") for number in range(9)]
    assert of(*tests)["9 tests without a trial: no approved baseline yet."] == [f"t{number}" for number in range(9)]
    broken = [untouched(f"b{number}", "", problems=[f"fault {number}"]) for number in range(10)]
    found = of(*tests, *broken)
    assert "1 test without a trial: fault 0." in found
    assert len(found["3 further tests without a trial, for other reasons."]) == 3


def test_what_is_decided_without_a_trial_needs_none() -> None:
    gate = shots_gate(stop_reason="exact", n=0, circuit={"shots": 0})
    assert of(circuit_row(gate, trials=0, cases=0)) == {}


def test_cases_that_were_not_reached_lead_to_their_test() -> None:
    row = prompt_row(id="some", trials=3, cases=3, cases_total=10, target="population", gates=(gate_verdict(),))
    assert of(row)["7 cases of 1 test that had no trial."] == ["some"]


def test_links_are_few_and_lead_to_places_that_are_there() -> None:
    names = [f"t{number}" for number in range(9)]
    found = linked([Gap("said", ["gone", *names]), Gap("nothing to see")], {name: f"#{name}" for name in names})
    assert [[link.place for link in links] for _, links in found] == [["#t0", "#t1", "#t2", "#t3"], []]


def test_the_page_leads_to_the_test() -> None:
    made = render_html(run_result(untouched("suites/q.suite.yaml::qft", "stale baseline")), nothing)
    assert '<a class="small test-name" href="#t1"><bdi>suites/q.suite.yaml::qft</bdi></a>' in made
    assert 'id="t1"' in made


@given(st.text(max_size=60))
def test_any_name_and_any_reason_stays_text(text: str) -> None:
    row = untouched(text, text)
    words = read(render_html(run_result(row), nothing))
    assert "1 test without a trial: " in words
