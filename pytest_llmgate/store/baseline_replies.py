"""Baselines of gates on replies as they stand in files: one figure a line, whole numbers only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pytest_llmgate.core.baseline_key import BaselineKey
from pytest_llmgate.core.compared import (
    CASE_FIGURES,
    COST_UNIT,
    DIGESTS,
    PARAMETERS,
    SUM_FIGURES,
    UNIT,
    Figures,
    ReplyBaseline,
)
from pytest_llmgate.store.baseline_checks import Wrong, check_keys, count_of, object_of, text_of, text_or_null

KINDS: tuple[Figures, ...] = get_args(Figures)
_ROW = frozenset({"kind", "cases", "figures", "digests", "parameters", "reason", "author"})
_OLD = frozenset(DIGESTS) - {"cases"}  # stand in the entries of every version
_LARGEST = {"squares": 1 << 126}  # of nano-USD they are large
_USUAL = 1 << 63
_NEEDED: Mapping[Figures, frozenset[str]] = {
    "quality": frozenset({"passed", "n"}),
    "usage": frozenset({"n", "total"}),
    "latency": frozenset({"n", "p50_us", "p95_us", "p99_us"}),
}


def row_of(entry: ReplyBaseline) -> dict[str, Any]:
    """An entry as it stands in files, without its key."""
    return {
        "kind": entry.kind,
        "cases": {case: dict(figures) for case, figures in entry.cases.items()},
        "figures": dict(entry.figures),
        "digests": {name: entry.digests.get(name) for name in DIGESTS if name in _OLD or entry.digests.get(name)},
        "parameters": dict(entry.parameters),
        "reason": entry.reason,
        "author": entry.author,
    }


def entry_from_row(key: BaselineKey, row: dict[str, Any], *keys: str) -> ReplyBaseline:
    """The entry that a row is; raises Wrong, whose keys begin with `keys`."""
    check_keys(row, _ROW, *keys)
    kind: Figures = row["kind"]
    cases = {
        case: _case(figures, kind, *keys, "cases", case)
        for case, figures in object_of(row["cases"], *keys, "cases").items()
    }
    figures = object_of(row["figures"], *keys, "figures")
    _check_figures(figures, kind, keys)
    _check_sums(kind, cases, figures, keys)
    digests = object_of(row["digests"], *keys, "digests")
    check_keys(digests, _OLD | (digests.keys() & {"cases"}), *keys, "digests")
    return ReplyBaseline(
        test=key.test,
        gate=key.gate,
        arm=key.arm,
        kind=kind,
        cases=cases,
        figures=figures,
        digests={name: text_or_null(digests.get(name), *keys, "digests", name) for name in DIGESTS},
        parameters=_parameters(row["parameters"], *keys, "parameters"),
        reason=text_of(row["reason"], *keys, "reason", empty=True),
        author=text_or_null(row["author"], *keys, "author"),
    )


def _case(value: Any, kind: Figures, *keys: str) -> Mapping[str, int]:
    figures = object_of(value, *keys)
    check_keys(figures, frozenset(CASE_FIGURES[kind]), *keys)
    for name, number in figures.items():
        count_of(number, *keys, name, most=_LARGEST.get(name, _USUAL))
    if figures["n"] == 0:
        raise Wrong(f"{keys[-1]!r} was never drawn: leave it out", *keys)
    if figures.get("passed", 0) > figures["n"]:
        raise Wrong(f"{figures['passed']} of {figures['n']} is no count", *keys, "passed")
    if figures.get("squares", 0) * figures["n"] < figures.get("total", 0) ** 2:
        raise Wrong(f"'squares' is too small for {figures['n']} figures of sum {figures['total']}", *keys, "squares")
    return figures


def _check_figures(figures: Mapping[str, Any], kind: Figures, keys: tuple[str, ...]) -> None:
    strays = sorted(figures.keys() - frozenset(SUM_FIGURES[kind])) + sorted(_NEEDED[kind] - figures.keys())
    if strays:
        raise Wrong(f"the figures lack or have too much: {', '.join(strays)}", *keys, "figures")
    for name, number in figures.items():
        count_of(number, *keys, "figures", name)
    if figures.get("runaways", 0) > figures.get("runaways_of", 0):
        raise Wrong("more runaways than trials", *keys, "figures", "runaways")


def _check_sums(
    kind: Figures, cases: Mapping[str, Mapping[str, int]], figures: Mapping[str, int], keys: tuple[str, ...]
) -> None:
    """What stands for all cases must be what stands for each, or somebody changed one of the two."""
    for name in set(CASE_FIGURES[kind]) & figures.keys():
        together = sum(case[name] for case in cases.values())
        if together != figures[name]:
            raise Wrong(f"the cases' {name!r} sum to {together}, not to {figures[name]}", *keys, "figures", name)


def _parameters(value: Any, *keys: str) -> Mapping[str, Any]:
    given = object_of(value, *keys)
    strays = sorted(given.keys() - PARAMETERS - {UNIT})
    if strays:
        raise Wrong(f"there is no parameter {strays[0]!r}", *keys, strays[0])
    for name, item in given.items():
        if name == "of":
            text_of(item, *keys, name)
        elif name == UNIT:
            _unit(given, *keys)
        else:
            count_of(item, *keys, name)
    return given


def _unit(given: Mapping[str, Any], *keys: str) -> None:
    if given.get("of") != "cost" or given[UNIT] != COST_UNIT:
        raise Wrong(f"'unit' is {COST_UNIT}, and of 'of: cost' only; without it costs are in micro-USD", *keys, UNIT)
