"""Pruning baselines: entries whose test or gate is gone. The only deletion that there is."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path

from pytest_llmgate.core.baseline_key import BaselineKey
from pytest_llmgate.core.plan import SUITE_SUFFIX
from pytest_llmgate.session.baselines import refuse_ci, suite_file
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.store.accepting import Change, changes
from pytest_llmgate.store.baseline_files import baseline_files
from pytest_llmgate.store.baseline_lines import Entries
from pytest_llmgate.store.baselines import read_baselines, update_baselines


def prune(planner: Planner, *, really: bool, environ: Mapping[str, str]) -> list[Change]:
    """The entries that nothing asks for any more; removed where `really`.

    Every file is read and every suite compiled first: one that has a problem raises it, and nothing is removed.
    """
    if really:
        refuse_ci(environ)
    root, found = planner.settings.root, []
    kept = {name: _kept(planner, read_baselines(root / name, root).entries) for name in baseline_files(root)}
    for name, keep in kept.items():
        old = read_baselines(root / name, root).entries
        found += changes(old, keep(old))
        if really:
            update_baselines(root / name, root, keep)
    return found


def _kept(planner: Planner, entries: Entries) -> Callable[[Entries], Entries]:
    """Takes from a file's entries those that are still asked for; suites that came in meanwhile keep all of theirs."""
    asks = {file: _asks(planner, file) for file in {suite_file(key.test) for key in entries}}

    def keep(now: Entries) -> Entries:
        files = {key: suite_file(key.test) for key in now}
        return {key: entry for key, entry in now.items() if files[key] not in asks or asks[files[key]](key)}

    return keep


def _asks(planner: Planner, file: str) -> Callable[[BaselineKey], bool]:
    """Whether a suite file or module still has the test and gate of a key."""
    path = planner.settings.root / file
    if not path.is_file():
        return lambda key: False
    if file.endswith(SUITE_SUFFIX):
        gates = {(test.id, gate.name) for test in planner.suite(path).tests for gate in test.gates}
        return lambda key: (key.test, key.gate) in gates
    names = _functions(path)
    return lambda key: names is None or key.test.rpartition("::")[2].partition("[")[0] in names


def _functions(module: Path) -> set[str] | None:
    """Names of all functions of a Python module, without running it; None where it cannot be parsed."""
    try:
        tree = ast.parse(module.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return None
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
