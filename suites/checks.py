"""Judges of repair steps, used by `repair.suite.yaml` as `python` assertions."""

import json

# fmt: off
IMPERATIVES = frozenset((
    "call", "check", "clean", "clear", "close", "cool", "cut", "disconnect", "drain", "dry", "empty", "fill",
    "find", "inspect", "keep", "let", "lift", "melt", "move", "open", "plug", "press", "pull", "push", "put",
    "reconnect", "refill", "remove", "repair", "replace", "reset", "restart", "run", "set", "shut", "stop",
    "switch", "take", "test", "tighten", "turn", "unplug", "use", "wait",
))
# fmt: on


def instructions(text):
    """Every step is one instruction: it begins with a verb of the workshop and is a sentence of at most 12 words."""
    for step in _steps(text):
        words = step.split()
        if words[0].lower() not in IMPERATIVES:
            return {"pass": False, "reason": f"{step!r} does not begin with an instruction"}
        if not step.endswith(".") or len(words) > 12:
            return {"pass": False, "reason": f"{step!r} is no short sentence"}
    return {"pass": True, "reason": "every step is an instruction"}


def from_manual(text, context):
    """The first step stands word for word in the passage that the model was given."""
    first = _steps(text)[0]
    passage = " ".join(part["text"] for part in context["context"])
    stands = first.rstrip(".") in passage
    return {"pass": stands, "reason": f"{first!r} {'stands' if stands else 'does not stand'} in the manual"}


def _steps(text):
    """The steps of a reply; a reply that is no such JSON has one step, which is no instruction."""
    try:
        steps = json.loads(text)["steps"]
    except (ValueError, TypeError, KeyError):
        return ["(none)"]
    return [str(step) for step in steps if str(step).strip()] or ["(none)"]
