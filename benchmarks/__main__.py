"""`python -m benchmarks [PART …]`: measures, prints a table, and writes it into docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from benchmarks import (
    baselines,
    circuits_pairs,
    circuits_peers,
    circuits_rates,
    circuits_suites,
    cost,
    decisions,
    detectors,
    drift,
    identical,
    redaction,
    regressions,
    report,
    startup,
    throughput,
    trial,
)
from benchmarks.child import ChildFailed
from benchmarks.figures import Check, Part, Row, markdown_rows, markdown_table, parts_of, plain_table
from benchmarks.options import Options

PARTS: dict[str, Part] = {
    "startup": startup.measure,
    "trial": trial.measure,
    "throughput": throughput.measure,
    "identical": identical.measure,
    "redaction": redaction.measure,
    "report": report.measure,
    "detectors": detectors.measure,
    "baselines": baselines.measure,
    "circuits-peers": circuits_peers.measure,
    "circuits-suites": circuits_suites.measure,
    "circuits-pairs": circuits_pairs.measure,
    "circuits-rates": circuits_rates.measure,
    "regressions": regressions.measure,
    "drift": drift.measure,
    "cost": cost.measure,
    "decisions": decisions.measure,  # last: its imports make this process larger, and children start as its copy
}
PAGE = Path("docs/benchmarks.md")
BEGIN, END = "<!-- figures: written by `python -m benchmarks` -->", "<!-- end of figures -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 where every figure is reached, else 1."""
    given = _parser().parse_args(arguments)
    options = Options(quick=given.quick, bare=given.bare, clean=given.clean, mock=given.mock, peers=given.peers)
    rows: list[Row] = []
    for name, part in PARTS.items():
        if given.parts and name not in given.parts:
            continue
        began = monotonic()
        found = _measured(name, part, options)
        rows += found
        print(f"\n{name} ({monotonic() - began:.0f} s)\n{plain_table(found)}", flush=True)
    short = sum(row.short for row in rows)
    print(f"\n{len(rows)} figures, {short} short; {machine()}")
    if given.quick:
        print(f"{PAGE} is written without --quick")
    else:
        write_page(rows)
    return 1 if short else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", type=_part, help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and runs; no page is written")
    parser.add_argument("--bare", type=Path, metavar="VENV", help="an environment with pytest alone (default: made)")
    parser.add_argument("--clean", type=Path, metavar="VENV", help="one with this package and its dependencies alone")
    parser.add_argument("--mock", type=Path, metavar="SCRIPT", help="another mock server to measure throughput with")
    parser.add_argument("--peers", type=Path, metavar="VENV", help="one with other packages that test circuits")
    return parser


def _part(name: str) -> str:
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(PARTS)}")
    return name


def _measured(name: str, part: Part, options: Options) -> list[Row]:
    """A part's figures; a part that breaks is itself a figure that is short, and the others go on."""
    with TemporaryDirectory(prefix="llmgate-bench-") as folder:
        try:
            return part(Path(folder) / name, options)
        except ChildFailed as fault:
            print(f"\n{name}: {fault}", file=sys.stderr)
            return [Check(part=name, name=name, holds=None, note="a measured command failed")]


def machine() -> str:
    """The class of machine, in neutral words."""
    system, python = platform.system(), platform.python_version()
    return f"{os.cpu_count()} cores, {system}, {platform.python_implementation()} {python}"


def write_page(rows: Sequence[Row]) -> None:
    """Put the figures of the parts that were measured into the table between the marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    table, found, tail = rest.partition(END)
    if not found:
        raise SystemExit(f"{PAGE} has lost its marks: {BEGIN} … {END}")
    measured = f"{datetime.now(UTC).date().isoformat()}, {machine()}"
    parts = {**parts_of(table), **markdown_rows(rows, measured)}
    ordered = [parts[name] for name in PARTS if name in parts]
    PAGE.write_text(f"{head}{BEGIN}\n{markdown_table(ordered)}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
