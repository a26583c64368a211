"""The `llmgate init` command."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_llmgate.cli.told import show, told
from pytest_llmgate.session import starting


@click.command()
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), help="where; here, if left out")
@told
def init(folder: Path | None) -> None:
    """Write a first suite, a test, configuration and a workflow. What exists is kept; the first run is green."""
    root = folder or Path.cwd()
    show(starting.lines(root, starting.start(root)))
