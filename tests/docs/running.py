"""Does what the blocks of a page ask for, in a folder of the page's own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_llmgate.core.reply import Request
from pytest_llmgate.providers.loopback import LoopbackServer, MockModels

from .pages import Block, name_of

_PROGRAMS = {"pytest": ["-m", "pytest"], "llmgate": ["-m", "pytest_llmgate.cli"]}
_OTHERS_PLUGINS = "-p no:asyncio -p no:rerunfailures -p no:hypothesispytest -p no:randomly -p no:cacheprovider"
_OURS = ("CI", "OPENAI", "PYTEST", "LLM")


@contextmanager
def stand_in_model() -> Iterator[LoopbackServer]:
    """Stands for OpenAI: answers by the line of the prompt that begins with `Policy:`, if there is one."""
    models = MockModels()
    try:
        yield models.server(replies=_by_the_policy)
    finally:
        models.close()


def _by_the_policy(call: Request) -> str:
    known = [line for line in call.prompt.splitlines() if line.startswith("Policy: ")]
    return json.dumps({"answer": known[0].removeprefix("Policy: ")}) if known else "I am afraid I do not know that."


@dataclass(frozen=True)
class Example:
    """A page under way. base_url: of the model that stands for OpenAI."""

    page: Path
    folder: Path
    base_url: str

    def perform(self, block: Block) -> str:
        """Write the file or run the command that a block is; returns what was printed."""
        if block.wish == "file":
            path = self.folder / block.of
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.wish != "run":
            return ""
        return _python(block) if block.of == "python" else self._command(block)

    def _command(self, block: Block) -> str:
        """Run the one command of a block; `CI=1` before it takes the model's address and key away."""
        words = shlex.split(block.text)
        in_ci = words[0] == "CI=1"
        program, *arguments = words[1:] if in_ci else words
        done = subprocess.run(
            [sys.executable, *_PROGRAMS[program], *arguments],
            cwd=self.folder,
            env=self._environment(in_ci=in_ci),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        place = f"{name_of(self.page)}:{block.line}"
        assert f"exit {done.returncode}" == block.of, f"{place} ends with {done.returncode}\n{done.stdout}"
        return done.stdout

    def _environment(self, *, in_ci: bool) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        model = {"CI": "1"} if in_ci else {"OPENAI_BASE_URL": self.base_url, "OPENAI_API_KEY": "not-a-key"}
        shown = {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
        return {**kept, **model, **shown, "PYTEST_ADDOPTS": _OTHERS_PLUGINS}


def _python(block: Block) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(block.text, "example", "exec"), {"__name__": "example"})
    return said.getvalue()
