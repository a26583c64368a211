"""The commands of `llmgate`. Exit codes: 0 pass, 1 fail, 2 usage, 3 inconclusive, 4 error."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from pytest_llmgate.cli.baseline import baseline
from pytest_llmgate.cli.calibrate import calibrate
from pytest_llmgate.cli.compare import compare
from pytest_llmgate.cli.history import history
from pytest_llmgate.cli.init import init
from pytest_llmgate.cli.jobs import jobs
from pytest_llmgate.cli.prune import prune
from pytest_llmgate.cli.told import EXIT, show, told
from pytest_llmgate.core.errors import LlmgateError, Problem, not_available
from pytest_llmgate.session import again, create_registry, results
from pytest_llmgate.session.forecast import plan_lines
from pytest_llmgate.session.loading import find_root, planner

_LATER = {
    "lint": "check prompts and circuits",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pytest-llmgate")
def cli() -> None:
    """Plan gates before spending, and look at recorded runs without paying again.

    RUN is a run's directory or id; left out, it is the newest run.
    """


def _width() -> int:
    return shutil.get_terminal_size((80, 24)).columns


def _color() -> bool:
    return sys.stdout.isatty()


def _root_of(suite: Path) -> Path:
    """The root as pytest would see it from here, unless the suite lies elsewhere."""
    here = find_root(Path.cwd())
    return here if suite.resolve().is_relative_to(here) else find_root(suite.parent)


@cli.command()
@click.argument("suite", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--trials", type=int, help="ceiling of trials per test, over the suite's")
@click.option("--model", "models", multiple=True, metavar="ALIAS=TARGET", help="send an alias elsewhere")
@click.option("--prices", type=click.Path(exists=True, dir_okay=False), help="a price table over the built-in one")
@told
def plan(suite: Path, trials: int | None, models: tuple[str, ...], prices: str | None) -> None:
    """Trials, shots, calls and cost to expect of SUITE, and how sure its verdict will be."""
    options = {"trials": trials, "models": list(models) or None, "prices": prices}
    lines, refused = plan_lines(planner(_root_of(suite), options), suite.resolve(), _width())
    show(lines)
    if refused is not None:
        raise refused


@cli.command()
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="print result.json")
@told
def verdict(run: str | None, as_json: bool) -> None:
    """The verdict of RUN, with the exit code that a CI job obeys."""
    root = find_root(Path.cwd())
    result = results.result_of(root, run)
    _tell(result, as_json, root, run)


@cli.command()
@click.argument("run", required=False)
@click.option("--gate", help="change only the gates of this name")
@click.option("--good", type=float, help="success rate that is still good")
@click.option("--bad", type=float, help="success rate that must be caught")
@click.option("--alpha", type=float, help="probability that a good build is blocked")
@click.option("--beta", type=float, help="probability that a bad build is let through")
@click.option("--limit-ms", type=float, help="limit of latency gates, in milliseconds")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
@told
def regate(run: str | None, as_json: bool, **thresholds: Any) -> None:
    """Decide RUN again from its records, without one call. Other thresholds make the answer exploratory."""
    root = find_root(Path.cwd())
    result = again.regate(root, results.open_run(root, run), again.Otherwise(**thresholds))
    if result["run"]["exploratory"] and not as_json:
        click.echo("exploratory: these thresholds were chosen after the replies were seen")
    _tell(result, as_json, root, run)


def _tell(result: dict[str, Any], as_json: bool, root: Path, run: str | None) -> None:
    if as_json:
        click.echo(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        show(results.lines(root, run, result, _width(), _color()))
    sys.exit(EXIT[result["verdict"]])


@cli.command()
@click.argument("run", required=False)
@click.option("--only", multiple=True, metavar="NAME", help="write this report, whether RUN had it or not (repeatable)")
@told
def report(run: str | None, only: tuple[str, ...]) -> None:
    """Write the reports that RUN had again, report.html among them, and print where they are."""
    outputs = results.render_report(find_root(Path.cwd()), run, create_registry(), only, os.environ)
    show([str(path) for path in outputs.written])
    show(list(outputs.lines))
    if outputs.failed:
        raise LlmgateError(*(Problem("report-failed", said) for said in outputs.warnings))


@cli.command("replay-trial")
@click.argument("run")
@click.argument("test")
@click.argument("index", type=click.IntRange(min=0, max=10_000_000))
@click.option("--record", type=click.Choice(["live", "new", "replay"]), default="new", help="as --llm-record")
@told
def replay_trial(run: str, test: str, index: int, record: str) -> None:
    """Draw trial INDEX of TEST in RUN once more, with its seed; `latest` is the newest run."""
    root = find_root(Path.cwd())
    opened = results.open_run(root, None if run == "latest" else run)
    show(results.replayed(planner(root, {"record": record}), opened, test, index))


@cli.command()
@told
def schema() -> None:
    """JSON Schema of suite files, for editors."""
    click.echo(json.dumps(results.suite_schema(), indent=2))


def _refused(name: str, help_text: str) -> click.Command:
    """A command that a later version delivers: refused by name, whatever its arguments."""

    @click.command(name, help=f"{help_text} (not available yet)", context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    @told
    def later(arguments: tuple[str, ...]) -> None:
        raise not_available(f"llmgate {name}")

    return later


cli.add_command(baseline)
cli.add_command(init)
cli.add_command(jobs)
cli.add_command(calibrate)
cli.add_command(compare)
cli.add_command(history)
cli.add_command(prune)
for _name, _help in _LATER.items():
    cli.add_command(_refused(_name, _help))
