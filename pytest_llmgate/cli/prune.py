"""`llmgate prune`: deletes the directories of old runs."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_llmgate.cli.told import show, told
from pytest_llmgate.session import run_prune
from pytest_llmgate.session.loading import find_root


@click.command()
@click.option("--older-than", required=True, metavar="AGE", help="such as 30d, 12h or 4w")
@click.option("--yes", is_flag=True, help="delete them; without it they are only listed")
@told
def prune(older_than: str, yes: bool) -> None:
    """Delete runs in .llmgate/runs that are older than AGE, with their transcripts. Baselines and cassettes stay."""
    found = run_prune.prune(find_root(Path.cwd()), older_than, really=yes)
    show(run_prune.lines(found, really=yes))
