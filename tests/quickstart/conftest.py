"""A newcomer's machine: a clean copy of the repository, an empty environment, and the README's own commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PRIVATE = ("CI", "OPENAI_API_KEY", "OPENAI_BASE_URL", "PYTHONPATH", "VIRTUAL_ENV", "PYTEST_ADDOPTS")


def readme_commands() -> list[str]:
    """The README's ```bash blocks, in order."""
    return [block.strip() for block in _BLOCK.findall((REPOSITORY / "README.md").read_text("utf-8"))]


def readme_block(language: str, number: int) -> str:
    """One of the README's fenced blocks of a language."""
    text = (REPOSITORY / "README.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[number]


def newcomer_env(**more: str) -> dict[str, str]:
    """The environment of somebody who has set nothing."""
    return {name: value for name, value in os.environ.items() if name not in _PRIVATE} | more


def run(command: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command as a newcomer would; stdout and stderr together."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=newcomer_env(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )


@dataclass(frozen=True)
class Newcomer:
    """A clone, and what the first command printed there. python: that of the environment it made."""

    clone: Path
    first: subprocess.CompletedProcess[str]

    @property
    def bin(self) -> Path:
        return self.clone / ".venv" / "bin"


def copy_of_repository(target: Path) -> Path:
    """The files that git knows or would not ignore, as a clone would have them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        source = REPOSITORY / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    return target


@pytest.fixture(scope="session")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """Runs the README's first command once, in an empty environment."""
    clone = copy_of_repository(tmp_path_factory.mktemp("newcomer") / "pytest-llmgate")
    return Newcomer(clone, run(readme_commands()[0], clone))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh copy of the repository that a test may damage."""
    return copy_of_repository(tmp_path / "clone")


@pytest.fixture
def our_pytest() -> str:
    """pytest of the environment that these tests run in, which has the local model."""
    return f"{sys.executable} -m pytest -p no:cacheprovider"
