"""Makes text of models and of users harmless where it is shown: nothing in it is obeyed, all of it is seen."""

from __future__ import annotations

import re
import unicodedata

# Control, format (bidi, zero width, tags), lone surrogates, line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Runners of GitHub and Azure obey these anywhere in a line, TeamCity at its beginning.
_ANYWHERE = re.compile(r"##(?=\[|[A-Za-z]+\[)")
_LEADING = re.compile(r"^(\s*):(?=:)")


def visible(text: str, keep: str = "") -> str:
    """The text with every character that hides or steers written as an escape such as `\\x1b`.

    keep: such characters that stay, as `"\\n"` for blocks of text.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in keep or unicodedata.category(char) not in _HIDDEN else _escaped(char) for char in text
    )


def _escaped(char: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    if char in named:
        return named[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def harmless(text: str, keep: str = "") -> str:
    """`visible`, and without what CI runners obey in the middle of a line, such as `##[group]`."""
    return _ANYWHERE.sub("# #", visible(text, keep))


def no_command(line: str) -> str:
    """A harmless line that does not begin as a command either, such as `::error`; at most one column longer."""
    return _LEADING.sub(r"\1: ", line)


def clipped(text: str, limit: int) -> str:
    """At most `limit` characters of a text; what is left out is counted."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]} … ({len(text) - limit:,} characters more)"


def columns(text: str) -> int:
    """Columns that a text takes in a terminal: wide letters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, broken at spaces, or anywhere in longer words."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if columns(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = _pieces(word, width)
        lines.extend(full)
    return [*lines, line] if line or not lines else lines


def _pieces(word: str, width: int) -> list[str]:
    pieces, piece, used = [], "", 0
    for char in word:
        takes = _columns(char)
        if piece and used + takes > width:
            pieces.append(piece)
            piece, used = "", 0
        piece += char
        used += takes
    return [*pieces, piece]
