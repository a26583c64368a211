"""Parts of the reviewer's page: marked passages, sequential paths, how far a gate is beyond its limit."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.reports.bar import WIDTH
from pytest_llmgate.reports.page import drawing, gates, walk
from pytest_llmgate.reports.page.evidence import Walk
from pytest_llmgate.reports.page.replies import marked


def objecting(*places: tuple[Any, Any, Any]) -> list[dict[str, Any]]:
    spans = [
        {"start": start, "end": end, "text": said, "says": "unsupported", "evidence": ""} for said, start, end in places
    ]
    return [{"gate": "grounded", "spans": spans}]


def test_passages_are_marked_where_they_stand() -> None:
    pieces = marked("Only 10% of 30.", objecting(("30", 12, 14), ("10%", 5, 8)))
    assert [tuple(piece) for piece in pieces] == [
        ("Only ", ""), ("10%", "unsupported: grounded"), (" of ", ""), ("30", "unsupported: grounded"), (".", ""),
    ]  # fmt: skip


def test_a_place_where_something_else_stands_is_not_marked() -> None:
    assert all(not piece.label for piece in marked("Only [email] of it.", objecting(("10%", 5, 8))))


def test_spans_of_another_form_mark_nothing() -> None:
    strange = [objecting(("10%", "5", 8))[0], {"gate": "g", "spans": [7, {"start": 5}]}, {"gate": "g", "spans": None}]
    assert [piece.text for piece in marked("Only 10% of it.", strange)] == ["Only 10% of it."]


@given(st.text(max_size=80), st.text(max_size=10), st.integers(0, 90), st.integers(0, 90))
def test_marking_loses_nothing_of_a_reply(text: str, quoted: str, start: int, end: int) -> None:
    plain = "".join(piece.text for piece in marked(text, ()))
    assert "".join(piece.text for piece in marked(text, objecting((quoted, start, end)))) == plain


def path(steps: list[int], cut: int | None = None) -> Walk:
    return Walk(steps=bytes(steps), up=0.1, down=1.0, passes=3.0, fails=3.0, ceiling=100, cut=cut)


def test_a_path_says_how_it_ended() -> None:
    assert walk.ended(path([0, 0, 0])) == "", "it met the lower bound"
    assert walk.ended(path([1] * 30)) == "", "it met the upper bound"
    assert "met no bound in 2 trials" in walk.ended(path([1, 0]))
    assert "more than 0 failures cannot pass" in walk.ended(path([1, 0], cut=0))


def test_holes_draw_the_path_at_its_worst_and_at_its_best() -> None:
    holed = path([1] * 20 + [walk.HOLE] * 2 + [1] * 5)
    said = walk.described(holed)
    assert "27 trials with 0 failures and 2 not scored" in said
    assert "+0.50 with these as failures and +2.70 with them as good" in said
    assert str(walk.drawn(holed)).count('class="best"') == 1
    assert str(walk.drawn(path([1, 0]))).count('class="best"') == 0
    assert "met no bound" in walk.ended(holed), "it would pass only with every hole good"
    assert walk.ended(path([1] * 60 + [walk.HOLE])) == ""


@given(st.lists(st.integers(0, 2), min_size=1, max_size=3000))
def test_a_path_of_any_length_has_few_corners(steps: list[int]) -> None:
    drawn = str(walk.drawn(path(steps)))
    assert drawn.count("L") <= walk.POINTS + 2
    assert drawn.count("v5") == min(steps.count(0), walk.TICKS)


@given(st.floats(8, 232), st.floats(8, 232))
def test_words_of_limits_stand_apart_within_the_drawing_and_on_their_own_sides(good: float, bad: float) -> None:
    first, last = drawing.limits(good, bad)
    assert first.start >= 0
    assert first.end < last.start
    assert last.end <= WIDTH
    assert first.place <= last.place
    assert {first.word: first.place, last.word: last.place} == {"good": good, "bad": bad}


def test_a_bar_that_is_longer_than_its_drawing_ends_in_a_gap() -> None:
    assert 'width="100"' in str(drawing.pair(100, 0))
    cut = str(drawing.pair(1500, 40))
    assert cut.count('class="expected"') == 2
    assert cut.count('class="observed"') == 1
    assert "1500" not in cut


def test_how_far_a_gate_is_beyond_is_said_in_its_own_unit() -> None:
    gate = {"verdict": "fail", "type": "contains", "threshold": 0.95, "bad": 0.90, "estimate": 0.80}
    assert gates.beyond(gate) == "15 points below 95 %, 3.0 × the way from good to bad"
    assert gates.beyond({**gate, "estimate": 0.96}) == "within its limit"
    assert gates.beyond({**gate, "estimate": None}) == "not measured"


def test_a_gate_that_did_not_decide_is_not_called_within_its_limit() -> None:
    gate = {"type": "contains", "threshold": 0.95, "bad": 0.90, "estimate": 0.96}
    assert gates.beyond({**gate, "verdict": "error"}) == "not judged"
    assert gates.beyond({**gate, "verdict": "inconclusive"}) == "not decided"
