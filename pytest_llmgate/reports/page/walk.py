"""The sequential path of a gate, drawn: evidence for a good build from trial to trial, between its two bounds."""

from __future__ import annotations

from itertools import accumulate

from markupsafe import Markup

from pytest_llmgate.reports.numbers import counted
from pytest_llmgate.reports.page.drawing import picture
from pytest_llmgate.reports.page.evidence import Walk

POINTS = 240  # corners of the line; what is between them is not seen at this size
TICKS = 120  # failures that get a mark of their own
_LEFT, _RIGHT, _TOP, _BOTTOM = 8.0, 592.0, 22.0, 150.0


def drawn(walk: Walk) -> Markup:
    """The path with its bounds. At the upper bound the gate passes, at the lower one it fails."""
    levels = [0.0, *accumulate(walk.up if good else -walk.down for good in walk.steps)]
    top, bottom = max(walk.passes, *levels) * 1.06, min(-walk.fails, *levels) * 1.06
    trials = len(levels) - 1

    def x(n: int) -> float:
        return round(_LEFT + n / max(trials, 1) * (_RIGHT - _LEFT), 1)

    def y(level: float) -> float:
        return round(_TOP + (top - level) / (top - bottom) * (_BOTTOM - _TOP), 1)

    line = "L".join(f"{x(n):g} {y(levels[n]):g}" for n in _corners(levels))
    failures = [n for n in range(1, trials + 1) if levels[n] < levels[n - 1]]
    ticks = "".join(f"M{x(n):g} {y(levels[n]):g}v5" for n in failures[:TICKS])
    return picture(
        "walk", "0 0 600 170", described(walk),
        _bound("good", y(walk.passes), "passes from here on"), _bound("bad", y(-walk.fails), "fails from here on"),
        Markup('<path class="axis" d="M{:g} {:g}H{:g}"/>').format(_LEFT, y(0.0), _RIGHT),
        Markup('<path class="path" d="M{}"/>').format(line),
        Markup('<path class="tick" d="{}"/>').format(ticks) if ticks else Markup(""),
        Markup('<circle class="dot" cx="{:g}" cy="{:g}" r="4"/>').format(x(trials), y(levels[-1])),
        Markup('<text x="{:g}" y="168">trial 1</text><text class="end" x="{:g}" y="168">trial {:,}</text>').format(
            _LEFT, _RIGHT, trials
        ),
    )  # fmt: skip


def _bound(name: str, height: float, word: str) -> Markup:
    return Markup('<path class="{}" d="M{:g} {:g}H{:g}"/><text x="{:g}" y="{:g}">{}</text>').format(
        name, _LEFT, height, _RIGHT, _LEFT, height - 5, word
    )


def _corners(levels: list[float]) -> list[int]:
    """Trials at which the line has a corner: all of them, or of many the lowest and the highest of each stretch."""
    last = len(levels) - 1
    if last <= POINTS:
        return list(range(last + 1))
    stretch = -(-2 * (last + 1) // POINTS)
    found = {0, last}
    for start in range(0, last + 1, stretch):
        within = range(start, min(start + stretch, last + 1))
        found |= {min(within, key=levels.__getitem__), max(within, key=levels.__getitem__)}
    return sorted(found)


def described(walk: Walk) -> str:
    """The picture in words."""
    failed = walk.steps.count(0)
    return (
        f"After {counted(len(walk.steps), 'trial')} with {counted(failed, 'failure')} the evidence for a good build is "
        f"{walk.up * (len(walk.steps) - failed) - walk.down * failed:+.2f}; the gate passes at {walk.passes:+.2f} and "
        f"fails at {-walk.fails:+.2f} (logarithms of the likelihood ratio of a good to a bad build)."
    ).replace("-", "−")


def ended(walk: Walk) -> str:
    """How the path ended where it met no bound; empty where it did."""
    failed = walk.steps.count(0)
    level = walk.up * (len(walk.steps) - failed) - walk.down * failed
    if level >= walk.passes - 1e-9 or level <= -walk.fails + 1e-9:
        return ""
    if walk.cut is None:
        return f"It met no bound in {counted(len(walk.steps), 'trial')} of at most {walk.ceiling:,}."
    if failed > walk.cut:
        return f"It ended before a bound: more than {counted(walk.cut, 'failure')} cannot pass within {walk.ceiling:,}."
    return f"It met no bound; at the last of {walk.ceiling:,} trials at most {counted(walk.cut, 'failure')} pass."
