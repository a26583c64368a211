"""The examples of the documentation run, and print what the pages say that they print."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pytest_llmgate.providers.loopback import LoopbackServer

from .pages import as_pattern, blocks, name_of, pages
from .running import Example, stand_in_model

_PARSERS = {
    "yaml": lambda text: list(yaml.safe_load_all(text)),
    "json": json.loads,
    "jsonl": lambda text: [json.loads(line) for line in text.splitlines()],
    "toml": tomllib.loads,
    "python": lambda text: compile(text, "example", "exec"),
}
_ALL = [pytest.param(page, id=name_of(page)) for page in pages()]
_RUNNING = [
    pytest.param(page, id=name_of(page)) for page in pages() if any(block.wish == "run" for block in blocks(page))
]


@pytest.fixture(scope="module")
def model() -> Iterator[LoopbackServer]:
    with stand_in_model() as server:
        yield server


@pytest.mark.parametrize("page", _ALL)
def test_blocks_of_a_language_are_in_that_language(page: Path) -> None:
    for block in blocks(page):
        if block.language in _PARSERS:
            try:
                _PARSERS[block.language](block.text)
            except Exception as fault:
                pytest.fail(f"{name_of(page)}:{block.line}: this is no {block.language}: {fault}")


@pytest.mark.parametrize("page", _RUNNING)
def test_examples_do_what_the_page_says(page: Path, tmp_path: Path, model: LoopbackServer) -> None:
    example, output = Example(page, tmp_path, model.base_url), ""
    for block in blocks(page):
        if output and block.language == "text" and not block.wish and not as_pattern(block.text).search(output):
            pytest.fail(
                f"{name_of(page)}:{block.line}: the page says\n{block.text}\nbut the output is\n{output}\n"
                "if that is as it should be: cd tests; python -m docs.rewrite"
            )
        output = example.perform(block)


def test_a_text_with_dots_stands_for_anything_and_nothing_else() -> None:
    output = "one\ntwo 2 two\nthree\nfour\n=== end in 3 s ===\n"
    assert as_pattern("two … two\n…\nfour\n=== end in …").search(output)
    assert not as_pattern("two … two\nfour").search(output)
