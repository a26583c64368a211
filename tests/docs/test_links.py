"""Links between pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .pages import name_of, pages

_LINK = re.compile(r"\]\(([^()\s]+)\)")
_FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    heads = (re.sub(r"[`*]", "", line.lstrip("# ")) for line in text.splitlines() if line.startswith("#"))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in pages()])
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    lost = []
    for target in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (page.parent / file).resolve() if file else page
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            lost.append(target)
    assert not lost
