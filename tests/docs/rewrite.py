"""Writes what the examples print into the pages anew: `python -m docs.rewrite [PAGE …]` in tests/. Read the diff."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from .pages import ROOT, Block, blocks, pages
from .running import Example, stand_in_model

_TABLE = "=================================== llmgate ="
_CHANGING = (
    (re.compile(r"\d{8}T\d{9}-[0-9a-f]{6}"), "…"),
    (re.compile(r"\b(recorded(?: on)?) \d{4}-\d\d-\d\d"), r"\1 …"),
    (re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d", re.MULTILINE), "…"),
    (re.compile(r" in [\d.]+s =+$", re.MULTILINE), " in …"),
    (re.compile(r"^  accepted by [^\n]*$", re.MULTILINE), "…"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def shown(output: str) -> str:
    """What a page shows of an output: no header, a failure once, and `…` for what changes from run to run."""
    for pattern, instead in _CHANGING:
        output = pattern.sub(instead, output)
    if "test session starts" in output:
        _, _, output = output.partition("\ncollected")
        last = output.rstrip("\n").splitlines()[-1]
        if "= FAILURES" in output:
            failures = output.partition("= FAILURES")[2].partition("\n")[2]
            output = f"{failures.partition(_TABLE)[0].strip()}\n…\n{last}"
        elif _TABLE in output:
            output = _TABLE + output.partition(_TABLE)[2]
        else:
            output = output.partition("\n\n")[2]
    return output.strip("\n") + "\n"


def rewritten(page: Path, folder: Path, base_url: str) -> str:
    """The text of a page with the outputs as they are now."""
    lines, outputs, output = page.read_text(encoding="utf-8").splitlines(keepends=True), {}, ""
    example = Example(page, folder, base_url)
    for block in blocks(page):
        if output and block.language == "text" and not block.wish:
            outputs[block] = shown(output)
        output = example.perform(block)
    for block in sorted(outputs, key=lambda block: -block.line):
        lines[block.line - 1 : block.line - 1 + _height(block)] = [outputs[block]]
    return "".join(lines)


def _height(block: Block) -> int:
    return block.text.count("\n")


def main(names: list[str]) -> None:
    """Rewrite these pages, all of them if none is named."""
    wanted = [(ROOT / name).resolve() for name in names] or pages()
    with stand_in_model() as model:
        for page in wanted:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    page.write_text(rewritten(page, Path(folder), model.base_url), encoding="utf-8")
                except AssertionError as fault:
                    print(f"left as it is: {fault}")


if __name__ == "__main__":
    main([str(Path(name).resolve()) for name in sys.argv[1:]])
