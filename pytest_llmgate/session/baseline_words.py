"""Changes of baselines in words, for the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pytest_llmgate.core.baseline import BaselineKey, CircuitBaseline, compare, distance
from pytest_llmgate.reports.escape import harmless, no_command, wrapped
from pytest_llmgate.reports.words import counted, percent
from pytest_llmgate.store.baselines import Change

_WIDEST = 79
_SHOWN_MOVES = 3


def lines(title: str, changes: Sequence[Change]) -> list[str]:
    """A title and every change, in lines of at most 79 columns; text of users is made harmless."""
    found = list(_hung(f"{title}: {_summary(changes)}", 0))
    for change in changes:
        found.append("")
        for indent, sentence in _change(change):
            found += _hung(sentence, indent)
    return found


def _hung(sentence: str, indent: int) -> Iterator[str]:
    for number, line in enumerate(wrapped(harmless(sentence), _WIDEST - indent - 2)):
        yield " " * (indent + (2 if number else 0)) + no_command(line)


def _summary(changes: Sequence[Change]) -> str:
    counts = Counter(_word(change) for change in changes)
    return ", ".join(f"{number} {word}" for word, number in counts.items()) or "no difference"


def _word(change: Change) -> str:
    if change.new is None:
        return "deleted"
    return "new" if change.old is None else "changed"


def _change(change: Change) -> Iterator[tuple[int, str]]:
    yield 0, f"{_word(change)}: {_name(change.key)}"
    entry = change.new or change.old
    assert entry is not None  # one of the two is there
    if change.old is None or change.new is None:
        yield 2, f"{_kind(entry)}; depth {entry.shape['depth']}, {counted(entry.shape['two_qubit'], 'two-qubit gate')}"
    else:
        for sentence in _differences(change.old, change.new):
            yield 2, sentence
    if entry.reason:
        yield 2, f"accepted{f' by {entry.author}' if entry.author else ''}: {entry.reason}"


def _name(key: BaselineKey) -> str:
    return f"{key.test}, {key.gate}" + (f" ({key.arm})" if key.arm else "")


def _kind(entry: CircuitBaseline) -> str:
    drawn = "exact probabilities" if entry.shots is None else f"counts of {counted(entry.shots, 'shot')}"
    return f"{drawn} on {entry.backend}, {counted(len(entry.outcomes), 'outcome')}"


def _differences(old: CircuitBaseline, new: CircuitBaseline) -> Iterator[str]:
    yield from compare(old, new.identity).sentences
    if _kind(old) != _kind(new):
        yield f"{_kind(old)} → {_kind(new)}"
    if old.widths != new.widths:
        return  # no outcome of the one is an outcome of the other
    sampled = " between samples" if old.kind == "counts" or new.kind == "counts" else ""
    yield f"total variation distance{sampled} {distance(old, new):.4f}"
    was, now = old.probabilities(), new.probabilities()
    moved = {outcome: abs(was.get(outcome, 0.0) - now.get(outcome, 0.0)) for outcome in {**was, **now}}
    for outcome in sorted(moved, key=lambda name: (-moved[name], name))[:_SHOWN_MOVES]:
        if moved[outcome] > 0:
            yield f"{outcome}: {percent(was.get(outcome, 0.0))} → {percent(now.get(outcome, 0.0))}"
