"""The documentation as data: the fenced blocks of a page, and what the comments before them ask for.

`<!-- file: NAME -->` before a block: it is a file of the page's own folder. `<!-- run: exit N -->`: its one command
ends with that code, and says what stands in the `text` block behind it, where `…` stands for anything.
`<!-- run: python -->`: its output is the `text` block behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^( *)```(\w*)\s*$")
_WISH = re.compile(r"^<!-- (file|run): (.+?) -->$")


class Block(NamedTuple):
    """One fenced block. line: of its first line of text, from 1. wish, of: `file` and a name, `run` and how."""

    line: int
    language: str
    text: str
    wish: str = ""
    of: str = ""


def pages() -> list[Path]:
    """Every page under docs/, and those at the top that are documentation too."""
    return [
        *sorted(DOCS.rglob("*.md")),
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "changelog.d/README.md",
    ]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return list(_blocks(page.read_text(encoding="utf-8").splitlines()))


def _blocks(lines: list[str]) -> Iterator[Block]:
    wish = ("", "")
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            asked = _WISH.match(lines[at])
            wish = (asked[1], asked[2]) if asked else wish if not lines[at].strip() else ("", "")
            at += 1
            continue
        indent, language = fence.groups()
        end = next(n for n in range(at + 1, len(lines)) if lines[n].strip() == "```")
        body = "".join(line.removeprefix(indent) + "\n" for line in lines[at + 1 : end])
        yield Block(at + 2, language, body, *wish)
        wish, at = ("", ""), end + 1


def as_pattern(said: str) -> re.Pattern[str]:
    """What a `text` block asks of an output: its lines, one after another; `…` stands for anything."""
    parts = []
    for line in said.strip("\n").splitlines():
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(r"[^\n]*".join(re.escape(piece) for piece in line.rstrip().split("…")) + r"[ =_-]*\n")
    return re.compile("".join(parts))
