"""`llmgate history`: figures of earlier runs."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import click

from pytest_llmgate.cli.told import told
from pytest_llmgate.session import history_lines
from pytest_llmgate.session.loading import find_root


@click.command()
@click.argument("test", required=False)
@click.option("--last", type=click.IntRange(min=1, max=100_000), default=20, show_default=True, help="runs to show")
@click.option("--run-length", type=click.IntRange(min=2, max=1_000_000), default=1000, show_default=True,
              help="runs without a change up to a false alarm of drift, at least, on the mean")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="print all figures as JSON")
@told
def history(test: str | None, last: int, run_length: int, as_json: bool) -> None:
    """Verdicts, rates, cost and drift of TEST over its runs; of all tests, if left out.

    TEST is a test's id or its last part. Only runs of this checkout are known.
    """
    root = find_root(Path.cwd())
    if as_json:
        click.echo(json.dumps(history_lines.as_json(root, test, last, run_length), indent=1))
        return
    width = shutil.get_terminal_size((80, 24)).columns
    blocks = _can_show("▁█")
    for line in history_lines.lines(root, test, last, run_length, width, ascii_only=not blocks):
        click.echo(line if _can_show(line) else line.encode("ascii", "backslashreplace").decode())


def _can_show(text: str) -> bool:
    """Whether the encoding of the terminal, or of the file that stands for it, has these signs."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
