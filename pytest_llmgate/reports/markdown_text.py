"""Text of others in Markdown: it stands in code, where nothing is a link, an image, a mention or HTML."""

from __future__ import annotations

import re

from pytest_llmgate.reports.escape import clipped, visible

_RUNS = re.compile(r"`+")
_SIGNS = re.compile(r"[^A-Za-z0-9 ]")
_PLAIN = re.compile(r"[A-Za-z0-9]([\w .,:;()%=-]*[\w.)%])?", re.ASCII)
# What the hosts turn into links even in plain words: addresses, issues, milestones, commits, emoji.
_LINKED = re.compile(
    r"://|www\.|\bgh-\d|%\w|:\w+:|\b[0-9a-f]{7,40}\b|\b[a-z]+-\d|__|\b_|_\b|^\d+[.)](\s|$)", re.IGNORECASE
)


def code(text: str, limit: int = 400) -> str:
    """A code span that shows the text and nothing else, on one line, also within a cell of a table.

    limit: characters that are shown. Hidden characters and `|`, which ends cells, are written as escapes.
    """
    shown = clipped(visible(text), limit).replace("|", "\\x7c") or " "
    ticks = "`" * (max((len(run) for run in _RUNS.findall(shown)), default=0) + 1)
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def html_code(text: str, limit: int = 200) -> str:
    """Code within a line of HTML, such as a `<summary>`: nothing in it is HTML or Markdown, whoever reads it.

    limit: characters that are shown. All but letters, digits and blanks are written as entities.
    """
    shown = clipped(visible(text), limit) or " "
    return f"<code>{_SIGNS.sub(lambda sign: f'&#{ord(sign[0])};', shown)}</code>"


def words(text: str, limit: int = 400) -> str:
    """A sentence as it is where it holds nothing but plain words and figures, else as code."""
    return text if len(text) <= limit and _PLAIN.fullmatch(text) and not _LINKED.search(text) else code(text, limit)


def fenced(text: str, limit: int) -> str:
    """A block of code that shows the text, lines as they are; its fence is longer than any in the text."""
    shown = clipped(visible(text.replace("\r\n", "\n"), keep="\n\t"), limit)
    fence = "`" * max(3, max((len(run) for run in _RUNS.findall(shown)), default=0) + 1)
    return f"{fence}text\n{shown}\n{fence}"
