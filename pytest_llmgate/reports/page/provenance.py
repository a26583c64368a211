"""Where a run comes from, and how a failing trial of it is drawn again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmgate.reports import words
from pytest_llmgate.reports.numbers import counted
from pytest_llmgate.reports.page.gates import rank

_TEXTS = 3  # commands

Row = Mapping[str, Any]


def facts(result: Row) -> Iterator[tuple[str, str]]:
    """What a reviewer needs to find this run again."""
    run, execution = result["run"], result["execution"]
    names = {"id": "run", "commit": "commit", "seed": "seed", "plan_digest": "plan", "record": "record mode"}
    for key, name in names.items():
        if run.get(key) is not None:
            yield name, f"{run[key]}{' (with uncommitted changes)' if key == 'commit' and run.get('dirty') else ''}"
    if run.get("seeds"):
        yield "seeds", ", ".join(f"{seed} of {place}" for place, seed in run["seeds"].items())
    if run.get("started"):
        yield "started", str(run["started"])
    if run.get("recorded_at"):
        yield "replies recorded", str(run["recorded_at"])
    if run.get("versions"):
        yield "versions", ", ".join(f"{name} {version}" for name, version in sorted(run["versions"].items()))
    yield "replaced in replies", words.replaced(result["totals"].get("redactions")) or "nothing"
    if execution.get("wall_s") is not None:
        yield "sampling took", f"{execution['wall_s']:,} s"
    if execution.get("overrun_trials"):
        yield "not counted", f"{words.counted(execution['overrun_trials'], 'trial')} in flight when the gates decided"
    reruns = [gate["family"] for test in result["tests"] for gate in test["gates"]]
    if reruns:
        yield "error control", f"each gate's risk of blocking a good build is shared among {_families(reruns)}"


def _families(sizes: list[int]) -> str:
    few, many = min(sizes), max(sizes)
    return f"{counted(many, 'gate')} of its suite" if few == many else f"{few:,} to {many:,} gates of its suite"


def replays(result: Row) -> list[str]:
    """Commands that draw failing trials again, one of each of the worst tests."""
    run = result["run"].get("id")
    ranked = sorted((test for test in result["tests"] if test.get("failing") and test["gates"]), key=_worst)
    return [replay(run, test["id"], test["failing"][0]["index"]) for test in ranked[:_TEXTS]]


def _worst(test: Row) -> tuple[bool, int, float]:
    return min(rank(gate) for gate in test["gates"])


def replay(run: Any, test: str, index: int) -> str:
    """The command that draws one trial again."""
    return " ".join(["llmgate replay-trial", shlex.quote(str(run or "RUN")), shlex.quote(test), str(index)])
