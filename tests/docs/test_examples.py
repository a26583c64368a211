"""The examples of the documentation run, and say what the pages say that they say."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pytest_llmgate.providers.loopback import LoopbackServer, MockModels

from .pages import Block, as_pattern, blocks, name_of, pages

_PROGRAMS = {"pytest": ["-m", "pytest"], "llmgate": ["-m", "pytest_llmgate.cli"]}
_OTHERS_PLUGINS = "-p no:asyncio -p no:rerunfailures -p no:hypothesispytest -p no:randomly -p no:cacheprovider"
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
    """Stands for OpenAI: answers by the line of the prompt that begins with `Policy:`, if there is one."""
    models = MockModels()
    yield models.server(replies=_by_the_policy)
    models.close()


def _by_the_policy(call: object) -> str:
    known = [line for line in call.prompt.splitlines() if line.startswith("Policy: ")]  # type: ignore[attr-defined]
    return json.dumps({"answer": known[0].removeprefix("Policy: ")}) if known else "I am afraid I do not know that."


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
    found = blocks(page)
    for block, following in zip(found, [*found[1:], Block(0, "", "")], strict=True):
        if block.wish == "file":
            path = tmp_path / block.of
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.wish == "run":
            wanted = following.text if following.language == "text" and not following.wish else ""
            place = f"{name_of(page)}:{block.line}"
            output = _python(block) if block.of == "python" else _command(block, tmp_path, model.base_url, place)
            if not as_pattern(wanted).search(output):
                pytest.fail(f"{place}: the page says\n{wanted}\nbut the output is\n{output}")


def _python(block: Block) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(block.text, "example", "exec"), {"__name__": "example"})
    return said.getvalue()


def _command(block: Block, folder: Path, base_url: str, place: str) -> str:
    """Run the one command of a block; `CI=1` before it takes the model's address and key away."""
    words = shlex.split(block.text)
    in_ci = words[0] == "CI=1"
    program, *arguments = words[1:] if in_ci else words
    done = subprocess.run(
        [sys.executable, *_PROGRAMS[program], *arguments],
        cwd=folder,
        env=_environment(base_url, in_ci=in_ci),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    code = int(block.of.removeprefix("exit "))
    if done.returncode != code:
        pytest.fail(f"{place}: exit code {done.returncode}, not {code}\n{done.stdout}")
    return done.stdout


def _environment(base_url: str, *, in_ci: bool) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "OPENAI", "PYTEST", "LLM"))}
    model = {"CI": "1"} if in_ci else {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "not-a-key"}
    shown = {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    return {**kept, **model, **shown, "PYTEST_ADDOPTS": _OTHERS_PLUGINS}
