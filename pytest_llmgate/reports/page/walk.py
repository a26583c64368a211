"""The sequential path of a gate, drawn: evidence for a good build from trial to trial, between its two bounds."""

from __future__ import annotations

from itertools import accumulate

from markupsafe import Markup

from pytest_llmgate.reports.numbers import counted
from pytest_llmgate.reports.page.drawing import picture
from pytest_llmgate.reports.page.evidence import HOLE, Walk

POINTS = 240  # corners of the line; what is between them is not seen at this size
TICKS = 120  # failures that get a mark of their own
_LEFT, _RIGHT, _TOP, _BOTTOM = 8.0, 592.0, 22.0, 150.0


def drawn(walk: Walk) -> Markup:
    """The path with its bounds. At the upper bound the gate passes, at the lower one it fails.

    Holes count as failures on the way up; a second line counts them as good, on the way down.
    """
    levels, best = _levels(walk, hole=-walk.down), _levels(walk, hole=walk.up)
    top, bottom = max(walk.passes, *best) * 1.06, min(-walk.fails, *levels) * 1.06
    trials = len(levels) - 1

    def x(n: int) -> float:
        return round(_LEFT + n / max(trials, 1) * (_RIGHT - _LEFT), 1)

    def y(level: float) -> float:
        return round(_TOP + (top - level) / (top - bottom) * (_BOTTOM - _TOP), 1)

    def line(name: str, heights: list[float]) -> Markup:
        corners = "L".join(f"{x(n):g} {y(heights[n]):g}" for n in _corners(heights))
        return Markup('<path class="{}" d="M{}"/>').format(name, corners)

    failures = [n for n, step in enumerate(walk.steps, 1) if step == 0]
    ticks = "".join(f"M{x(n):g} {y(levels[n]):g}v5" for n in failures[:TICKS])
    return picture(
        "walk", "0 0 600 170", described(walk),
        _bound("good", y(walk.passes), "passes from here on"), _bound("bad", y(-walk.fails), "fails from here on"),
        Markup('<path class="axis" d="M{:g} {:g}H{:g}"/>').format(_LEFT, y(0.0), _RIGHT),
        line("best", best) if best != levels else Markup(""), line("path", levels),
        Markup('<path class="tick" d="{}"/>').format(ticks) if ticks else Markup(""),
        Markup('<circle class="dot" cx="{:g}" cy="{:g}" r="4"/>').format(x(trials), y(levels[-1])),
        Markup('<text x="{:g}" y="168">after 0 trials</text><text class="end" x="{:g}" y="168">after {}</text>').format(
            _LEFT, _RIGHT, counted(trials, "trial")
        ),
    )  # fmt: skip


def _levels(walk: Walk, hole: float) -> list[float]:
    """The evidence after each trial, from 0 before the first; hole: what one that was not scored adds."""
    adds = {1: walk.up, 0: -walk.down, HOLE: hole}
    return [0.0, *accumulate(adds[step] for step in walk.steps)]


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
    holes = walk.steps.count(HOLE)
    worst, best = _ends(walk)
    unscored = f" and {holes:,} not scored" if holes else ""
    level = f"{worst:+.2f} with these as failures and {best:+.2f} with them as good" if holes else f"{worst:+.2f}"
    return (
        f"After {counted(len(walk.steps), 'trial')} with {counted(walk.steps.count(0), 'failure')}{unscored} the "
        f"evidence for a good build is {level}; the gate passes at {walk.passes:+.2f} and "
        f"fails at {-walk.fails:+.2f} (logarithms of the likelihood ratio of a good to a bad build)."
    ).replace("-", "−")


def _ends(walk: Walk) -> tuple[float, float]:
    """The evidence at the end, with every hole a failure and with every hole good."""
    good, failed, holes = (walk.steps.count(step) for step in (1, 0, HOLE))
    return walk.up * good - walk.down * (failed + holes), walk.up * (good + holes) - walk.down * failed


def ended(walk: Walk) -> str:
    """How the path ended where it met no bound; empty where it did."""
    failed = walk.steps.count(0)
    worst, best = _ends(walk)
    if worst >= walk.passes - 1e-9 or best <= -walk.fails + 1e-9:
        return ""
    if walk.cut is None:
        return f"It met no bound in {counted(len(walk.steps), 'trial')} of at most {walk.ceiling:,}."
    if failed > walk.cut:
        return f"It ended before a bound: more than {counted(walk.cut, 'failure')} cannot pass within {walk.ceiling:,}."
    return f"It met no bound; at the last of {walk.ceiling:,} trials at most {counted(walk.cut, 'failure')} pass."
