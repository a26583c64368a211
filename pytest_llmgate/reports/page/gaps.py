"""What a run says nothing about, in sentences that lead to the tests concerned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.reports.escape import clipped
from pytest_llmgate.reports.numbers import counted

Row = Mapping[str, Any]

_SENTENCE = 300  # characters of a reason
_REASONS = 8  # sentences on tests without a trial
_LINKS = 5  # tests that a sentence leads to
_SETTLED = ("exact", "widths")  # decided, and not by trials


class Gap(NamedTuple):
    """A sentence. tests: the ids of those that it speaks of; of many the first."""

    sentence: str
    tests: Sequence[str] = ()


class Link(NamedTuple):
    """A test and the place where it stands."""

    test: str
    place: str


def linked(gaps: Sequence[Gap], places: Mapping[str, str]) -> list[tuple[str, list[Link]]]:
    """Sentences with links to their tests. places: by id."""
    return [
        (gap.sentence, [Link(clipped(test, _SENTENCE), places[test]) for test in gap.tests[:_LINKS] if test in places])
        for gap in gaps
    ]


def gaps(result: Row) -> list[Gap]:
    """What this run says nothing about, most important first."""
    tests = result["tests"]
    found = [*_undecided(result), *_without_a_trial(tests), *_untried(tests), *_changes(tests)]
    return [*found, *_inputs(tests), *_unblocking(tests), *_unpriced(result)]


def _undecided(result: Row) -> Iterator[Gap]:
    if result["run"].get("interrupted"):
        yield Gap("The run was interrupted: what came after that was not measured.")
    gates = _gates(result["tests"])
    open_ = [gate["stop_reason"] for gate in gates if gate["verdict"] == "inconclusive"]
    new, stale = open_.count("new"), open_.count("stale")
    if new:
        yield Gap(f"{counted(new, 'gate')} without a baseline to compare with.")
    if stale:
        yield Gap(f"{counted(stale, 'gate')} with a stale baseline: nothing was compared.")
    if len(open_) > new + stale:
        yield Gap(f"{counted(len(open_) - new - stale, 'gate')} could not tell good from bad.")
    broken = sum(gate["verdict"] == "error" for gate in gates)
    if broken:
        yield Gap(f"{counted(broken, 'gate')} could not be judged.")


def _gates(tests: Sequence[Row]) -> list[Row]:
    return [gate for test in tests for gate in test["gates"]]


def _without_a_trial(tests: Sequence[Row]) -> Iterator[Gap]:
    """Tests that measured nothing, by the reason why."""
    found: dict[str, list[str]] = {}
    for test in tests:
        if _unmeasured(test):
            found.setdefault(_why(test), []).append(test["id"])
    ranked = sorted(found.items(), key=lambda item: -len(item[1]))
    for why, ids in ranked[:_REASONS]:
        yield Gap(f"{counted(len(ids), 'test')} without a trial: {why.rstrip('.')}.", ids)
    more = [test for _, ids in ranked[_REASONS:] for test in ids]
    if more:
        yield Gap(f"{counted(len(more), 'further test')} without a trial, for other reasons.", more)


def _unmeasured(test: Row) -> bool:
    """Whether cases wait for a first trial; gates that are decided without one do not."""
    if test["trials"] or not test["cases_total"]:
        return False
    return any(gate["stop_reason"] not in _SETTLED for gate in test["gates"])


def _why(test: Row) -> str:
    """What its worst gate says, or what went wrong."""
    worst = max(test["gates"], key=lambda gate: Outcome(gate["verdict"]).rank)
    said = next(iter(test.get("problems") or ()), None) or worst["reason"]
    return clipped(str(said), _SENTENCE)


def _untried(tests: Sequence[Row]) -> Iterator[Gap]:
    missing = {test["id"]: test["cases_total"] - test["cases"] for test in tests if test["trials"]}
    some = [test for test, number in missing.items() if number > 0]
    if some:
        number = sum(missing[test] for test in some)
        yield Gap(f"{counted(number, 'case')} of {counted(len(some), 'test')} that had no trial.", some)
    holes = sum(test["holes"] for test in tests)
    if holes:
        yield Gap(f"{counted(holes, 'trial')} without a score.")


def _changes(tests: Sequence[Row]) -> Iterator[Gap]:
    """Changes of circuits that passing gates neither rule out nor fail."""
    near = {test["id"]: len(_unresolved(test)) for test in tests}
    dropped = {test["id"]: max((gate.get("left_out") or 0 for gate in _passing(test)), default=0) for test in tests}
    least = "at least " if any(gate.get("arms") for test in tests for gate in _passing(test)) else ""
    yield from _left_open(least, "change", near, "too near to be told apart, or never revealed")
    yield from _left_open(least, "further change", dropped, "too many to simulate, so not tried")


def _left_open(least: str, noun: str, numbers: Mapping[str, int], why: str) -> Iterator[Gap]:
    """least: said where a gate shows one of its streams, and others may leave more open."""
    found = [test for test, number in numbers.items() if number]
    if found:
        what = f"{least}{counted(sum(numbers.values()), noun)} of {counted(len(found), 'circuit')}"
        yield Gap(f"A pass does not rule out {what}: {why}.", found)


def _passing(test: Row) -> list[Row]:
    return [gate for gate in test["gates"] if gate["verdict"] == "pass"]


def _unresolved(test: Row) -> set[str]:
    """Names that the passing gates of a test leave open, without those that another one of them rules out."""
    gates = _passing(test)
    left = {row["name"] for gate in gates for row in gate.get("unresolved") or ()}
    return left - {row["name"] for gate in gates for row in gate.get("alternatives") or () if row["ruled_out"]}


def _inputs(tests: Sequence[Row]) -> Iterator[Gap]:
    own = sum(test["target"] == "cases" and not test.get("circuit") for test in tests)
    if own:
        speak = "speaks" if own == 1 else "speak"
        yield Gap(f"Inputs other than the listed cases: {counted(own, 'test')} {speak} of these cases alone.")


def _unblocking(tests: Sequence[Row]) -> Iterator[Gap]:
    loose = [gate for gate in _gates(tests) if not gate.get("blocking", True)]
    if loose:
        count = Counter(gate["verdict"] for gate in loose)
        found = ", ".join(f"{number:,} {word}" for word, number in sorted(count.items()))
        yield Gap(f"{counted(len(loose), 'gate')} cannot block (severity or quarantine): {found}.")


def _unpriced(result: Row) -> Iterator[Gap]:
    models = (result["execution"] or {}).get("unpriced_models") or ()
    if models:
        yield Gap(f"The cost of {', '.join(models)}: no price is known.")
