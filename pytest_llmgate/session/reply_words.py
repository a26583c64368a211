"""Baselines of gates on replies in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_llmgate.core.compared import MICRO_UNITS, ReplyBaseline, compare, in_unit
from pytest_llmgate.reports.words import counted, percent

_SHOWN_CASES = 3
_USD = 1_000_000
_SMALL = 0.0005  # below, six decimals of a dollar hide a percent


def reply_kind(entry: ReplyBaseline) -> str:
    """What an entry holds, in one line; trials that could not be scored are named."""
    unscored = entry.figures.get("unscored", 0)
    drawn = entry.figures["n"] + unscored
    return f"{_scored(entry)}; {unscored:,} of {drawn:,} not scored" if unscored else _scored(entry)


def _scored(entry: ReplyBaseline) -> str:
    figures = entry.figures
    if entry.kind == "quality":
        rate = percent(figures["passed"] / figures["n"])
        return f"{figures['passed']} of {counted(figures['n'], 'trial')} good ({rate}) on {_cases(entry)}"
    if entry.kind == "latency":
        shown = ", ".join(f"p{share} {figures[f'p{share}_us'] / 1000:g} ms" for share in (50, 95, 99))
        return f"{shown} of {counted(figures['n'], 'trial')}"
    mean = _amount(in_unit(entry).figures["total"] / figures["n"], entry)
    cost = figures.get("cost_microusd")
    price = "" if cost is None else f", {cost / figures['n'] / _USD:.6f} USD"
    runaways = f", {counted(figures['runaways'], 'runaway')}" if "runaways" in figures else ""
    return f"{mean} a trial{price} in {counted(figures['n'], 'trial')} on {_cases(entry)}{runaways}"


def _cases(entry: ReplyBaseline) -> str:
    return counted(len(entry.cases), "case")


def _amount(value: float, entry: ReplyBaseline) -> str:
    of = str(entry.parameters.get("of", "figures"))
    usd = value / (_USD * MICRO_UNITS)
    return f"{usd:.{6 if usd >= _SMALL else 9}f} USD" if of == "cost" else f"{value:,.1f} {of.replace('_', ' ')}"


def anchor_moved(old: ReplyBaseline, new: ReplyBaseline) -> str:
    """From where to where an anchor moved."""
    old, new = in_unit(old), in_unit(new)
    if (old.kind, old.parameters) != (new.kind, new.parameters):
        return f"anchor moved: {reply_kind(old)} → {reply_kind(new)}"
    was, now = tested(old), tested(new)
    if old.kind == "quality":
        rates = (
            f"{percent(old.figures['passed'] / old.figures['n'])} → {percent(new.figures['passed'] / new.figures['n'])}"
        )
        return f"anchor moved: {rates} good ({(was - now) * 100:+.2f} points)"
    share = f" ({(now / was - 1) * 100:+.1f} %)" if was else ""
    if old.kind == "latency":
        return f"anchor moved: {_of(old)} {was:g} → {now:g} ms{share}"
    unit = _amount(now, new).split(" ", 1)[1]
    return f"anchor moved: {_amount(was, old).split(' ', 1)[0]} → {_amount(now, new).split(' ', 1)[0]} {unit}{share}"


def loosens(old: ReplyBaseline, new: ReplyBaseline) -> bool:
    """Whether a gate is easier to keep against the new entry; also where the two cannot be compared."""
    old, new = in_unit(old), in_unit(new)
    return (old.kind, old.parameters) != (new.kind, new.parameters) or tested(new) > tested(old)


def tested(entry: ReplyBaseline) -> float:
    """The figure that a gate is tested against; more is worse."""
    figures = entry.figures
    if entry.kind == "quality":
        return 1.0 - figures["passed"] / figures["n"]
    if entry.kind == "latency":
        return figures[f"{_of(entry)}_us"] / 1000
    return figures["total"] / figures["n"]


def _of(entry: ReplyBaseline) -> str:
    return str(entry.parameters.get("of", "p95"))


def reply_differences(old: ReplyBaseline, new: ReplyBaseline) -> Iterator[str]:
    """Sentences on two entries of one gate: what they were taken with, what changed most."""
    if replace(old, reason=new.reason, author=new.author) == new:
        yield "the same figures, accepted for another reason"
        return
    old, new = in_unit(old), in_unit(new)
    yield from compare(old.kind, old, new.digests, new.parameters, frozenset(new.cases)).sentences
    yield f"{reply_kind(old)} → {reply_kind(new)}"
    if old.kind != new.kind:
        return
    if old.kind == "usage" and old.figures["total"]:
        was, now = (entry.figures["total"] / entry.figures["n"] for entry in (old, new))
        yield f"{(now / was - 1) * 100:+.1f} % a trial"
    yield from _moved(old, new)


def _moved(old: ReplyBaseline, new: ReplyBaseline) -> Iterator[str]:
    """The cases that changed most."""
    figure = "passed" if old.kind == "quality" else "total"
    both = [case for case in old.cases if case in new.cases] if old.cases else []
    means = {case: tuple(entry.cases[case][figure] / entry.cases[case]["n"] for entry in (old, new)) for case in both}
    worst = sorted(both, key=lambda case: (-abs(means[case][1] - means[case][0]), case))[:_SHOWN_CASES]
    for case in worst:
        was, now = means[case]
        if was != now and old.kind == "quality":
            yield f"case {case}: {percent(was)} → {percent(now)} good"
        elif was != now:
            yield f"case {case}: {_amount(was, old)} → {_amount(now, new)}"
