"""The `llmgate init` command."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_llmgate.cli.told import show, told
from pytest_llmgate.session import starting
from pytest_llmgate.session.hosts import NO_CI, WORKFLOWS


@click.command()
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path),
    help="where; at the root of the project around here, if left out",
)  # fmt: skip
@click.option(
    "--ci", type=click.Choice([*WORKFLOWS, NO_CI]), help="whose workflow to write; that of the remote, if left out"
)
@told
def init(folder: Path | None, ci: str | None) -> None:
    """Write a first suite, a test, configuration and a workflow. What exists is kept; the first run is green."""
    show(starting.lines(starting.start(folder or starting.project_at(Path.cwd()), ci)))
