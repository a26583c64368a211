"""What an accept makes of the entries of a baseline file, and which of them differ then. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from pytest_llmgate.core.baseline import PARTS, AnyBaseline, CircuitBaseline
from pytest_llmgate.core.baseline_key import ANCHOR, BaselineKey
from pytest_llmgate.core.compared import ReplyBaseline, digests_apart
from pytest_llmgate.stats import binomial
from pytest_llmgate.store.baseline_lines import Entries
from pytest_llmgate.store.baselines import Baselines

_EQUAL_WITHIN = PARTS // 10**9
"""Exact probabilities that differ by no more than 1e-9 are the same ones, computed on another machine."""
_LARGER = 1.25
_TAIL = 0.025
_Z = 1.96


def accepted(
    old: Entries,
    proposed: Iterable[AnyBaseline],
    confirmed: Callable[[AnyBaseline], bool],
    *,
    anchor: bool = False,
) -> Entries:
    """The entries after proposals were approved; those that say nothing new leave the old ones, with their reasons.

    confirmed: whether the run's gate found a proposal to be the same as its old baseline. anchor: of gates on replies
    the anchor moves here, with the reason for it; else what was approved first stays the anchor, so that small steps do
    not add up unseen.
    """
    new = dict(old)
    for entry in proposed:
        known = old.get(entry.key)
        if known is None or not says_the_same(known, entry, confirmed(entry)):
            new[entry.key] = entry
            _anchor(new, known)
        elif anchor and isinstance(known, ReplyBaseline):
            new[entry.key] = replace(known, reason=entry.reason, author=entry.author)
        if anchor:
            new.pop(_anchor_of(entry), None)
    return new


def _anchor_of(entry: AnyBaseline) -> BaselineKey:
    return entry.key._replace(arm=ANCHOR) if isinstance(entry, ReplyBaseline) else BaselineKey("", "")


def _anchor(new: dict[BaselineKey, AnyBaseline], known: AnyBaseline | None) -> None:
    """Keep what was approved before as the anchor, unless there is one already."""
    if isinstance(known, ReplyBaseline):
        new.setdefault(_anchor_of(known), replace(known, arm=ANCHOR))


def says_the_same(old: AnyBaseline, new: AnyBaseline, confirmed: bool) -> bool:
    """Whether new figures give no reason to rewrite the old ones, so that noise makes no diff."""
    if isinstance(old, CircuitBaseline) and isinstance(new, CircuitBaseline):
        return _same_distribution(old, new, confirmed)
    if isinstance(old, ReplyBaseline) and isinstance(new, ReplyBaseline):
        return _same_figures(old, new, confirmed)
    return False


def _same_distribution(old: CircuitBaseline, new: CircuitBaseline, confirmed: bool) -> bool:
    """The circuit, widths, noise, transpilation, backend and kind must be those of old. Then exact probabilities are
    the same where none differs by more than 1e-9, and counts where the gate has confirmed the old ones: a second
    sample of the same distribution is no news."""
    if (old.identity, old.kind, old.backend) != (new.identity, new.kind, new.backend):
        return False
    if old.kind == "counts":
        return confirmed
    outcomes = {*old.outcomes, *new.outcomes}
    return all(abs(old.outcomes.get(name, 0) - new.outcomes.get(name, 0)) <= _EQUAL_WITHIN for name in outcomes)


def _same_figures(old: ReplyBaseline, new: ReplyBaseline, confirmed: bool) -> bool:
    """Whether all that they were taken with is the same, for the same cases, and the new interval covers the old value.

    Latencies differ from run to run: they are the same where the gate has confirmed the old ones. Figures of clearly
    more trials are news: without them a baseline could never be made larger.
    """
    if (old.kind, old.parameters, old.cases.keys()) != (new.kind, new.parameters, new.cases.keys()):
        return False
    if digests_apart(old, new) - {"plan"} or new.figures["n"] >= _LARGER * old.figures["n"]:
        return False
    if new.kind == "latency":
        return confirmed
    return _covers_rate(old, new) if new.kind == "quality" else _covers_mean(old, new)


def _covers_rate(old: ReplyBaseline, new: ReplyBaseline) -> bool:
    passed, n = new.figures["passed"], new.figures["n"]
    rate = old.figures["passed"] / old.figures["n"]
    # Clopper and Pearson's interval, asked only whether it holds one rate: its tails there, without its ends
    return binomial.survival(passed - 1, n, rate) > _TAIL and binomial.cdf(passed, n, rate) > _TAIL


def _covers_mean(old: ReplyBaseline, new: ReplyBaseline) -> bool:
    n, total = new.figures["n"], new.figures["total"]
    squares = sum(case["squares"] for case in new.cases.values())
    error = math.sqrt(max(0.0, squares / n - (total / n) ** 2) / n)
    return abs(old.figures["total"] / old.figures["n"] - total / n) <= _Z * error


class Change(NamedTuple):
    """One entry before and after; None where there was, or is, none."""

    key: BaselineKey
    old: AnyBaseline | None
    new: AnyBaseline | None


def changes(old: Entries, new: Entries) -> list[Change]:
    """The entries that differ: deleted ones first, as nothing is compared with them any more, new ones last.

    An anchor that moved is one change, from what gates were tested against to what they are tested against now, however
    the entries say it.
    """
    found = [Change(key, old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)]
    moved = _moved(old, new)
    shown = [change for change in found if not _is_told(change, new, moved)]
    return sorted(
        [*shown, *moved.values()], key=lambda change: (change.new is not None, change.old is None, change.key)
    )


def _moved(old: Entries, new: Entries) -> dict[BaselineKey, Change]:
    """The anchors that are other figures now; those that were deleted altogether are none."""
    found = {}
    for key in {entry.key._replace(arm=ANCHOR) for entry in old.values() if isinstance(entry, ReplyBaseline)}:
        was, now = (Baselines(entries).of_replies(key.test, key.gate) for entries in (old, new))
        if was is not None and now is not None and _figures(was) != _figures(now):
            found[key] = Change(key, replace(was, arm=ANCHOR), replace(now, arm=ANCHOR))
    return found


def _is_told(change: Change, new: Entries, moved: Mapping[BaselineKey, Change]) -> bool:
    """Whether an entry's change is said by that of the anchor: it gave way, or only the reason was taken along."""
    anchor, was, now = change.key._replace(arm=ANCHOR), change.old, change.new
    if change.key == anchor and isinstance(was, ReplyBaseline):
        return anchor in moved or (now is None and anchor._replace(arm="") in new)
    both = isinstance(was, ReplyBaseline) and isinstance(now, ReplyBaseline)
    return both and anchor in moved and _figures(was) == _figures(now)


def _figures(entry: AnyBaseline | None) -> AnyBaseline | None:
    """An entry without who approved it as what."""
    return replace(entry, arm="", reason="", author=None) if isinstance(entry, ReplyBaseline) else entry
