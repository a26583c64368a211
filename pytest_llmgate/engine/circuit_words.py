"""Sentences on distributions: what a verdict on shots rules out, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.rates import percent

if TYPE_CHECKING:
    from pytest_llmgate.engine.circuit_stream import CircuitStream
    from pytest_llmgate.engine.shots import ShotFold


def sentence(fold: ShotFold, figures: Mapping[str, Any], stream: CircuitStream) -> str:
    """What the decision of one gate on one arm means."""
    decision = fold.decision
    assert decision is not None
    if figures.get("said"):  # a gate that no shot decides says itself why
        return str(figures["said"])
    shots = "1 shot" if fold.shots == 1 else f"{fold.shots:,} shots"
    changed = f"; {'; '.join(figures['changes'])}" if figures.get("changes") else ""
    if decision.outcome is Outcome.PASS:
        return f"{shots}: {_passed(fold, figures)}{changed}"
    if decision.outcome is Outcome.FAIL:
        return f"{shots}: {_failed(fold, figures)}{changed}"
    return f"{shots}: {_open(fold, figures, decision.stop_reason, stream)}{changed}"


def nothing_compared(gate: str) -> str:
    """The warning of a gate without its baseline."""
    return f"{gate}: no approved baseline yet, so nothing was compared; propose one with --llm-baseline=propose"


def _passed(fold: ShotFold, figures: Mapping[str, Any]) -> str:
    risk = f"({percent(fold.plan.beta)} risk)"
    against = figures.get("against", "the reference")
    if "side" in figures:
        side = "at or below" if figures["side"] == "min" else "at or above"
        return f"{figures['estimate']:.4g}: {side} {figures['bad']:g} is ruled out {risk}"
    if "max_tvd" in figures:
        return f"TVD {_distance(figures)} from {against}: {figures['bad_tvd']:g} or more is ruled out {risk}"
    if "ruled_out" not in figures:  # one look: a pass is no more than the lack of a finding
        return f"no difference from {against} was found (p = {figures['p_value']:.3g}); none is ruled out"
    ruled_out = f"{figures['ruled_out']} {risk}" if figures["ruled_out"] else "no change was declared to be ruled out"
    return f"as {against}: {ruled_out}{_screened(figures)}"


def _screened(figures: Mapping[str, Any]) -> str:
    """Whether changes that nobody declared would have been seen; only where the rule looks for them."""
    if "screen" not in figures:
        return ""
    screen = figures["screen"]
    if screen is None:
        return "; undeclared changes not tested"
    return f"; an undeclared change of TVD {screen['tvd']:g} would have been seen in {100 * screen['power']:.0f} %"


def _failed(fold: ShotFold, figures: Mapping[str, Any]) -> str:
    risk = f"({percent(fold.plan.alpha_used)} risk)"
    against = figures.get("against", "the reference")
    if "side" in figures:
        side = "at or above" if figures["side"] == "min" else "at or below"
        return f"{figures['estimate']:.4g}: {side} the limit of {figures['threshold']:g} is ruled out {risk}"
    if "max_tvd" in figures:
        return f"TVD {_distance(figures)} from {against}: at most {figures['max_tvd']:g} is ruled out {risk}"
    return f"not as {against} {risk}: TVD {_distance(figures)}{_like(figures)}"


def _like(figures: Mapping[str, Any]) -> str:
    """The likeliest cause; one that is likelier than the reference may still be too small for what was seen."""
    causes = figures.get("causes") or ()
    if not causes or not (causes[0]["log10_ratio"] is None or causes[0]["log10_ratio"] > 0):
        return ""
    interval = figures.get("tvd_interval")
    larger = ", but larger than" if interval is not None and causes[0]["tvd"] < interval[0] else ""
    return f"; most like{larger}: {causes[0]['name']}"


def _open(fold: ShotFold, figures: Mapping[str, Any], reason: str, stream: CircuitStream) -> str:
    if reason == "first-fail":
        return "left undecided when another gate failed (stop: all goes on)"
    if reason == "interrupted":
        return "the run was interrupted (go on with --llm-resume)"
    if reason == "budget":
        return "the budget ended the run"
    if reason == "recording-end":
        return "the recorded shots end here"
    if reason == "error":
        first = stream.evidence.problems[0] if stream.evidence.problems else "nothing could be drawn"
        return f"could not be judged; {first}"
    if "side" in figures:
        return (
            f"{figures['estimate']:.4g}: cannot tell {figures['threshold']:g} from {figures['bad']:g} yet; "
            "allow more shots, or widen bad_value"
        )
    nearest = figures.get("nearest")
    if nearest:
        return f"cannot rule out {nearest['name']} yet (TVD {nearest['tvd']:g}); allow more shots"
    if "max_tvd" in figures:
        return _between(figures)
    return "cannot decide yet; allow more shots"


def _between(figures: Mapping[str, Any]) -> str:
    """A distance that is neither ruled out nor shown. Of given shots: how many it takes, where these are too few."""
    limits = f"{figures['max_tvd']:g} from {figures['bad_tvd']:g}"
    shots, needed = figures["shots"], figures.get("shots_needed")
    if needed is not None and needed > shots:
        few = f"too few shots to tell {limits}"
        return f"TVD {_distance(figures)}: {few}: about {needed:,} are needed, or a wider tolerance"
    return f"TVD {_distance(figures)}: cannot tell {limits} yet; allow more shots, or widen bad_tvd"


def _distance(figures: Mapping[str, Any]) -> str:
    """`0.0312 (0.012 to 0.051)`, or that nothing was measured."""
    if figures.get("tvd") is None:
        return "unknown"
    interval = figures.get("tvd_interval")
    if interval is None:
        return f"{figures['tvd']:.3g}"
    return f"{figures['tvd']:.3g} ({interval[0]:.3g} to {interval[1]:.3g})"
