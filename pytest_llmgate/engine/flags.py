"""What a verdict says beside a rate of flags: the rate of bad answers that is behind it."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.plan import Flagging
from pytest_llmgate.core.rates import percent
from pytest_llmgate.engine.gate import GateFold
from pytest_llmgate.stats.corrected import Corrected, corrected_rate


def flag_figures(gate: GateFold) -> dict[str, Any]:
    """Figures of a gate on flags: the corrected rate with its interval, and the digest of what corrects it."""
    known, found = gate.plan.flagging, _found(gate)
    if known is None:
        return {}
    corrected = None if found is None else {"estimate": found.estimate, "interval": [found.low, found.high]}
    return {"calibration": known.digest, "corrected": corrected}


def flag_words(gate: GateFold) -> str:
    """The same as the end of a sentence; empty for other gates and where nothing was scored."""
    known, found = gate.plan.flagging, _found(gate)
    if known is None or found is None:
        return ""
    middle = "nothing is known of the rate behind the flags" if found.estimate is None else percent(found.estimate)
    return f"; corrected for {_errors(known)}: {middle} ({percent(found.low)} to {percent(found.high)})"


def _errors(known: Flagging) -> str:
    false, recall = percent(known.false_flags / known.good), percent(known.caught / known.bad)
    return f"{false} false flags and {recall} recall of the calibration"


def _found(gate: GateFold) -> Corrected | None:
    scored = gate.tally.n - gate.tally.holes
    known = gate.plan.flagging
    return None if known is None or not scored else corrected_rate(gate.tally.failed, scored, known)
