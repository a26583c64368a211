"""The `llmgate jobs` command: what devices may still bill, and nobody knows."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_llmgate.cli.told import show, told
from pytest_llmgate.session.circuits.books import unsettled_jobs
from pytest_llmgate.session.loading import find_root


@click.command()
@click.argument("tags", nargs=-1, metavar="[TAG]...")
@click.option("--release", is_flag=True, help="they are accounted for; without it they are only listed")
@told
def jobs(tags: tuple[str, ...], release: bool) -> None:
    """Jobs of devices that were never settled, all or those with a TAG; they count against budgets until released."""
    show(unsettled_jobs(find_root(Path.cwd()), tags, release=release))
