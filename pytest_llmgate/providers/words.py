"""Text of others in our messages: one line, printable, short, without the key."""

from __future__ import annotations

LIMIT = 300


def one_line(text: str, secret: str | None = None) -> str:
    """At most 300 printable characters of a text on one line; `secret` is blotted out wherever it stands."""
    if secret:
        text = text.replace(secret, "[key]")
    head = text[: 4 * LIMIT]
    words = " ".join("".join(char if char.isprintable() else " " for char in head).split())
    return words if len(words) <= LIMIT else words[: LIMIT - 1] + "…"


def raised(fault: BaseException) -> str:
    """`ValueError: what it said` of an exception, on one line; survives exceptions that cannot be printed."""
    try:
        said = one_line(str(fault))
    except Exception:
        said = "(its message cannot be read)"
    return f"{type(fault).__name__}: {said}" if said else type(fault).__name__
