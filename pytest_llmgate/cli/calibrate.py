"""The `llmgate calibrate` command."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_llmgate.cli.told import show, told
from pytest_llmgate.session import calibrating
from pytest_llmgate.session.loading import find_root

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("labels", type=_FILE)
@click.option("--suite", type=_FILE, help="the suite that it is for; needed where there are several")
@click.option(
    "--fpr",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="share of good answers that may be flagged",
)
@told
def calibrate(labels: Path, suite: Path | None, fpr: float) -> None:
    """Fit the hallucination risk to LABELS, a JSONL file of {reply, context, label}; 1 is hallucinated."""
    root = find_root(Path.cwd())
    show(calibrating.lines(calibrating.calibrate(root, labels, suite, fpr), root))
