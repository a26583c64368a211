"""The `llmgate compare` command: may this model take the place of that one."""

from __future__ import annotations

import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from pytest_llmgate.cli.told import EXIT, show, told
from pytest_llmgate.session.comparing import comparison, words
from pytest_llmgate.session.loading import find_root, planner

_EXITS = {"promote": EXIT["pass"], "roll back": EXIT["fail"], "hold": EXIT["inconclusive"], "error": EXIT["error"]}


class _Finite(click.FloatRange):
    """A number in a range: NaN lies in none, though it is not outside of any."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return found


_POINTS = _Finite(0.01, 100, max_open=True)
_PERCENT = _Finite(0.01, 1000)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("suite", type=_FILE)
@click.option("--baseline", required=True, metavar="ALIAS", help="the model as it is; `traffic`: replies of --cases")
@click.option("--candidate", required=True, metavar="ALIAS", help="the model that shall take its place")
@click.option("--cases", type=_FILE, help="recorded traffic (JSONL) in place of the suite's cases")
@click.option("--feedback", type=_FILE, help="rejections and escalations by case (JSONL or CSV)")
@click.option("--trials", type=click.IntRange(1, 1_000_000), help="trials of each model on a test, at most")
@click.option("--max-drop", type=_POINTS, default=5.0, show_default=True, help="points that good replies may lose")
@click.option("--max-increase", type=_PERCENT, help="percent of tokens that is too much; left out: only shown")
@click.option("--seed", type=int, help="root seed")
@click.option("--record", type=click.Choice(["live", "new", "replay", "all"]), help="as --llm-record")
@click.option("--budget", help="USD, for each of the two")
@click.option("--json", "as_json", is_flag=True, help="print compare.json")
@told
def compare(suite: Path, max_drop: float, max_increase: float | None, as_json: bool, **given: Any) -> None:
    """Decide whether one model may take the place of another on SUITE: promote (0), roll back (1) or hold (3).

    Where it could not be judged, such as for a model that does not answer, that is an error (4).
    """
    root = find_root(Path.cwd())
    options = {name: given.pop(name) for name in ("seed", "record", "budget")}
    asked = comparison.Request(
        suite=suite.resolve(),
        margin=max_drop / 100.0,
        increase=None if max_increase is None else max_increase / 100.0,
        options=options,
        **given,
    )
    result = comparison.compare(root, asked, lambda chosen: planner(root, chosen))
    if as_json:
        click.echo(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        show(words.lines(result, shutil.get_terminal_size((80, 24)).columns))
    sys.exit(_EXITS[result["advice"]])
