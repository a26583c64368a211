"""The `llmgate baseline` commands: look at proposals, accept them, prune what is no longer asked."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pytest_llmgate.cli.told import show, told
from pytest_llmgate.session import baseline_diff, baseline_prune, baseline_words, baselines
from pytest_llmgate.session.loading import find_root, planner


@click.group()
def baseline() -> None:
    """Review and accept baselines. Nothing else writes them."""


@baseline.command()
@click.argument("tests", nargs=-1, metavar="[TEST]...")
@click.option("--reason", required=True, help="why these figures are right; kept in the file")
@click.option("--run", help="a run's directory or id; the newest, if left out")
@click.option("--changed", is_flag=True, help="also replace baselines that the run itself does not confirm")
@click.option("--anchor", is_flag=True, help="a release: test cost, latency and quality against these from now on")
@click.option("--redacted", is_flag=True, help="also tests most of whose replies were changed by redaction")
@told
def accept(tests: tuple[str, ...], reason: str, run: str | None, changed: bool, anchor: bool, redacted: bool) -> None:
    """Approve what a run proposes, for all its tests or for each TEST (an id, its last part, or a suite file)."""
    root = find_root(Path.cwd())
    found = baselines.accept(
        root, run, tests, reason=reason, changed=changed, anchor=anchor, redacted=redacted, environ=os.environ
    )
    show(baseline_words.lines("accepted", found))


@baseline.command()
@click.option("--run", help="a run's directory or id; the newest, if left out")
@click.option("--against", metavar="REV", help="a revision of git, or merge-base; without --run compares files with it")
@click.option("--anchor", is_flag=True, help="what an accept with --anchor would change")
@told
def diff(run: str | None, against: str | None, anchor: bool) -> None:
    """What an accept of the newest run would change; with --against, what differs from a revision."""
    found = baseline_diff.diff(find_root(Path.cwd()), run, against, os.environ, anchor=anchor)
    show(baseline_words.lines(found.title, found.changes, found.loosened))


@baseline.command()
@click.option("--yes", is_flag=True, help="remove them; without it they are only listed")
@told
def prune(yes: bool) -> None:
    """Remove baselines whose test or gate is gone."""
    found = baseline_prune.prune(planner(find_root(Path.cwd())), really=yes, environ=os.environ)
    show(baseline_words.lines("removed" if yes else "nothing asks for these any more", found))
    if found and not yes:
        click.echo("nothing was removed: add --yes to remove them")
