"""Changes of baselines in words, for the command line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from pytest_llmgate.core.baseline import AnyBaseline, CircuitBaseline, compare, distance
from pytest_llmgate.core.baseline_key import ANCHOR, BaselineKey
from pytest_llmgate.core.compared import ReplyBaseline
from pytest_llmgate.reports.escape import harmless, no_command, wrapped
from pytest_llmgate.reports.words import counted, percent
from pytest_llmgate.session.reply_words import anchor_moved, loosens, reply_differences, reply_kind
from pytest_llmgate.store.accepting import Change

_WIDEST = 79
_SHOWN_MOVES = 3


def lines(title: str, changes: Sequence[Change], loosened: Sequence[str] = ()) -> list[str]:
    """A title and every change, in lines of at most 79 columns; text of users is made harmless.

    loosened: sentences on thresholds that are easier to keep now, which come first; with them anchors that moved.
    """
    easier = [change for change in changes if _loosens(change)]
    rest = [change for change in changes if not _loosens(change)]
    found = list(_hung(f"{title}: {summary(rest, [*easier, *loosened])}", 0))
    for change in easier:
        found += ["", *_told(change, "loosened: ")]
    for sentence in loosened:
        found += ["", *_hung(f"loosened: {sentence}", 0)]
    for change in sorted(rest, key=lambda change: _moved(change) is None):
        found += ["", *_told(change)]
    return found


def _told(change: Change, prefix: str = "") -> Iterator[str]:
    for number, (indent, sentence) in enumerate(change_sentences(change)):
        yield from _hung(sentence if number else prefix + sentence, indent)


def page(title: str, said: Sequence[str]) -> str:
    """Lines as Markdown in which nothing of what users wrote is markup: a fence longer than any in them."""
    longest = max((len(run) for line in said for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"## {title}", "", f"{fence}text", *said, fence, ""])


def _hung(sentence: str, indent: int) -> Iterator[str]:
    for number, line in enumerate(wrapped(harmless(sentence), _WIDEST - indent - 2)):
        yield " " * (indent + (2 if number else 0)) + no_command(line)


def summary(changes: Sequence[Change], loosened: Sequence[object] = ()) -> str:
    """How many changes there are of each kind."""
    counts = Counter(word(change) for change in changes)
    found = [f"{len(loosened)} loosened"] if loosened else []
    return ", ".join([*found, *(f"{number} {kind}" for kind, number in counts.items())]) or "no difference"


def _moved(change: Change) -> tuple[ReplyBaseline, ReplyBaseline] | None:
    """What an anchor was and is, where it is other figures now."""
    old, new = change.old, change.new
    if change.key.arm == ANCHOR and isinstance(old, ReplyBaseline) and isinstance(new, ReplyBaseline):
        return old, new
    return None


def _loosens(change: Change) -> bool:
    both = _moved(change)
    return both is not None and loosens(*both)


def word(change: Change) -> str:
    """What became of an entry, in a word or two."""
    if _moved(change) is not None:
        return "anchor moved"
    if change.new is None:
        return "deleted"
    return "new" if change.old is None else "changed"


def change_sentences(change: Change) -> Iterator[tuple[int, str]]:
    """Indents and sentences on one change."""
    entry, both = change.new or change.old, _moved(change)
    assert entry is not None  # one of the two is there
    if both is not None:
        yield 0, f"{change.key.test}, {change.key.gate}: {anchor_moved(*both)}"
    else:
        yield from _changed(change, entry)
    if entry.reason:
        yield 2, f"accepted{f' by {entry.author}' if entry.author else ''}: {entry.reason}"


def _changed(change: Change, entry: AnyBaseline) -> Iterator[tuple[int, str]]:
    yield 0, f"{word(change)}: {_name(change.key)}"
    if change.old is None or change.new is None:
        yield 2, _whole(entry)
    else:
        for sentence in _differences(change.old, change.new):
            yield 2, sentence


def _name(key: BaselineKey) -> str:
    arm = "the anchor" if key.arm == ANCHOR else key.arm
    return f"{key.test}, {key.gate}" + (f" ({arm})" if key.arm else "")


def _whole(entry: CircuitBaseline | ReplyBaseline) -> str:
    if isinstance(entry, ReplyBaseline):
        return reply_kind(entry)
    return f"{_kind(entry)}; depth {entry.shape['depth']}, {counted(entry.shape['two_qubit'], 'two-qubit gate')}"


def _kind(entry: CircuitBaseline) -> str:
    drawn = "exact probabilities" if entry.shots is None else f"counts of {counted(entry.shots, 'shot')}"
    return f"{drawn} on {entry.backend}, {counted(len(entry.outcomes), 'outcome')}"


def _differences(old: CircuitBaseline | ReplyBaseline, new: CircuitBaseline | ReplyBaseline) -> Iterator[str]:
    if isinstance(old, CircuitBaseline) and isinstance(new, CircuitBaseline):
        yield from _distribution_differences(old, new)
    elif isinstance(old, ReplyBaseline) and isinstance(new, ReplyBaseline):
        yield from reply_differences(old, new)
    else:
        yield f"{_whole(old)} → {_whole(new)}"


def _distribution_differences(old: CircuitBaseline, new: CircuitBaseline) -> Iterator[str]:
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
