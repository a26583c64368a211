"""The house rules that tools check: formatting, lint, types. Each is also one command of the Makefile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"]],
    ids=lambda command: "-".join(command[:2]),
)
def test_a_check_finds_nothing(command: list[str]) -> None:
    pytest.importorskip(command[0], reason="a development tool; pip install -e '.[dev]'")
    done = subprocess.run([sys.executable, "-m", *command], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
