"""Accepting baselines: what a run proposed becomes what is approved, by a person's word and with a reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_llmgate.core.baseline import AnyBaseline, baseline_file
from pytest_llmgate.core.baseline_key import BaselineKey
from pytest_llmgate.core.compared import ReplyBaseline
from pytest_llmgate.core.errors import LlmgateError, Problem, Where, nearest, problem
from pytest_llmgate.core.rates import percent
from pytest_llmgate.session.runs import open_run, result_of
from pytest_llmgate.store.accepting import Change, accepted, changes
from pytest_llmgate.store.baseline_lines import Entries
from pytest_llmgate.store.baselines import read_baselines, update_baselines
from pytest_llmgate.store.git import user_name
from pytest_llmgate.store.proposals import read_proposals
from pytest_llmgate.store.rundir import RunDir

_MAX_ERRORS = 0.05
"""Of a test whose plan was not kept."""
_PROPOSE = "propose some with: pytest --llm-suite --llm-baseline=propose"

Confirmed = Collection[tuple[str, str]]
"""Test and gate of the baselines that a run found to be the same still."""


def accept(
    root: Path,
    run: str | None,
    names: Sequence[str],
    *,
    reason: str,
    changed: bool,
    environ: Mapping[str, str],
    anchor: bool = False,
    redacted: bool = False,
) -> list[Change]:
    """Approve what a run proposes; returns what differs in the baseline files now.

    run: its directory or id, None for the newest. names: tests, as full ids, as suite files or by their last part;
    none for all that propose. changed: also replace baselines that the run itself does not confirm. anchor: cost,
    latency and quality are tested against these from now on, and not only shown. redacted: also take tests most of
    whose replies were changed by redaction. Raises before anything is written where any of the tests must not be
    accepted or any of the files cannot be read.
    """
    refuse_ci(environ)
    reason = " ".join(reason.split())
    if not reason:
        raise problem("reason-missing", "a baseline is accepted for a reason", None, "say it: --reason TEXT")
    result = result_of(root, run)
    _check_run(result)
    chosen = _chosen(proposals_of(root, run), names, [test["id"] for test in result["tests"]])
    _check_tests(result, chosen, changed)
    _check_scored(chosen, _limits(open_run(root, run)))
    if not redacted:
        _check_redactions(result, chosen)
    author = user_name(root)
    signed = [replace(entry, reason=reason, author=author) for entry in chosen.values()]
    return _write(root, signed, confirmed(result), anchor)


def refuse_ci(environ: Mapping[str, str]) -> None:
    """Refuse to write baselines where nobody looks at them."""
    if environ.get("CI"):
        hint = "do it on your own machine and commit the file, so that it is reviewed"
        raise problem("baseline-in-ci", "baselines are not written in CI (the variable CI is set)", None, hint)


def proposals_of(root: Path, run: str | None) -> Entries:
    """What a run proposes; raises `no-proposals` where that is nothing."""
    opened = open_run(root, run)
    found = read_proposals(opened)
    if found is None:
        raise problem("no-proposals", f"run {opened.id} was not asked for baselines", None, _PROPOSE)
    if not found:
        hint = "write `baseline: true` at an assertion first"
        raise problem("no-proposals", f"run {opened.id} has no gate that is compared with a baseline", None, hint)
    return found


def confirmed(result: Mapping[str, Any]) -> Confirmed:
    """The gates of a run that passed."""
    return {
        (test["id"], gate["name"]) for test in result["tests"] for gate in test["gates"] if gate["verdict"] == "pass"
    }


def after(old: Entries, proposed: Sequence[AnyBaseline], same: Confirmed, anchor: bool = False) -> Entries:
    """What an accept makes of the entries of a file."""
    return accepted(old, proposed, lambda entry: (entry.test, entry.gate) in same, anchor=anchor)


def by_file(entries: Sequence[AnyBaseline]) -> dict[str, list[AnyBaseline]]:
    """Entries by the baseline file that they belong into, relative to the root; in order."""
    found: dict[str, list[AnyBaseline]] = {}
    for entry in sorted(entries, key=lambda entry: entry.key):
        found.setdefault(baseline_file(suite_file(entry.test)), []).append(entry)
    return found


def suite_file(test: str) -> str:
    """The suite file or module of a test id."""
    return test.partition("::")[0]


def _check_run(result: Mapping[str, Any]) -> None:
    """Refuse a run that is not a whole answer."""
    run, refused = result["run"], ""
    if run.get("interrupted"):
        refused = "it was interrupted"
    elif run.get("exploratory"):
        refused = "it is exploratory"
    elif any(test["verdict"] == "error" for test in result["tests"]):
        refused = next(f"{test['id']} could not be judged" for test in result["tests"] if test["verdict"] == "error")
    if refused:
        hint = "run it again to its end: pytest --llm-suite --llm-baseline=propose"
        raise problem("accept-refused", f"nothing is accepted from run {run.get('id')}: {refused}", None, hint)


def _chosen(proposals: Entries, names: Sequence[str], judged: Collection[str]) -> Entries:
    """The proposals of the named tests, all where none is named."""
    tests = {key.test for key in proposals}
    wrong = [_unknown(name, tests, judged) for name in names if not any(_means(name, test) for test in tests)]
    if wrong:
        raise LlmgateError(*wrong)
    chosen = {test for test in tests if not names or any(_means(name, test) for name in names)}
    return {key: entry for key, entry in proposals.items() if key.test in chosen}


def _means(name: str, test: str) -> bool:
    """Whether a person who types `name` means this test: its id, its file, or the part behind `::`."""
    return name == test or test.startswith(f"{name}::") or test.endswith(f"::{name}")


def _unknown(name: str, tests: Collection[str], judged: Collection[str]) -> Problem:
    if any(_means(name, test) for test in judged):
        hint = "write `baseline: true` at one of its assertions first"
        return Problem("no-proposals", f"{name!r} has no gate that is compared with a baseline", None, hint)
    return Problem("unknown-test", f"the run proposes nothing for a test {name!r}", None, nearest(name, tests))


def _check_tests(result: Mapping[str, Any], chosen: Entries, changed: bool) -> None:
    """Refuse tests that the run did not find good; every reason at once."""
    rows = {test["id"]: test for test in result["tests"]}
    gates: dict[str, set[str]] = {}
    for key in sorted(chosen):
        gates.setdefault(key.test, set()).add(key.gate)
    objections = [_objection(rows.get(test), test, own, changed) for test, own in gates.items()]
    wrong = [objection for objection in objections if objection is not None]
    if wrong:
        raise LlmgateError(*wrong)


def _objection(row: Mapping[str, Any] | None, test: str, own: Collection[str], changed: bool) -> Problem | None:
    """Why a test's proposals may not be accepted, or None.

    own: its gates that are compared with a baseline. They may fail: a wanted change fails against the old baseline,
    and only an accept can move that; but then it must be said (`changed`). Every other gate that blocks must pass.
    """
    if row is None:
        return Problem("accept-refused", f"{test} has no verdict in this run", None, "run it again to its end")
    for gate in row["gates"]:
        if not _of_baseline(gate, own) and gate["verdict"] != "pass" and gate.get("blocking", True):
            text = f"{test} is not good: {gate['name']} is {gate['verdict']}: {gate['reason']}"
            cut = gate["stop_reason"] == "first-fail"
            hint = "write stop: all at the test, so that every gate speaks" if cut else "mend that first"
            return Problem("accept-refused", text, None, f"{hint}: nothing is accepted from a failing test")
    for gate in row["gates"]:
        if _of_baseline(gate, own) and gate["verdict"] != "pass" and gate["stop_reason"] != "new" and not changed:
            text = f"{test} is not what was approved: {gate['name']} is {gate['verdict']}: {gate['reason']}"
            return Problem("accept-changed", text, None, "if this is the change that you want, add --changed")
    return None


def _limits(run: RunDir) -> Mapping[str, float]:
    """`max_errors` of the tests of a run whose plan was kept."""
    kept = (run.path / "plan.json").is_file()
    return {row["id"]: row["max_errors"] for row in (run.read_plan() if kept else ()) if "max_errors" in row}


def _check_scored(chosen: Entries, limits: Mapping[str, float]) -> None:
    """Refuse figures of trials too many of which could not be scored: a run judges only those up to its decision."""
    wrong = []
    for key, entry in sorted(chosen.items()):
        unscored = entry.figures.get("unscored", 0) if isinstance(entry, ReplyBaseline) else 0
        limit, drawn = limits.get(key.test, _MAX_ERRORS), unscored + _scored(entry)
        if unscored > limit * drawn:
            text = f"{key.test}: {key.gate}: {unscored} of the {drawn} trials proposed could not be scored"
            hint = "trials.jsonl of the run says why: mend that, then pytest --llm-suite --llm-baseline=propose"
            wrong.append(Problem("accept-refused", f"{text} (limit {percent(limit)})", None, hint))
    if wrong:
        raise LlmgateError(*wrong)


def _scored(entry: AnyBaseline) -> int:
    return entry.figures["n"] if isinstance(entry, ReplyBaseline) else entry.total


def _of_baseline(gate: Mapping[str, Any], own: Collection[str]) -> bool:
    """Whether a gate is compared with a baseline; both parts of a cost regression are."""
    return gate["name"] in own or bool(gate.get("compared"))


def _check_redactions(result: Mapping[str, Any], chosen: Entries) -> None:
    """Refuse figures of replies that redaction changed through and through: they would be its figures."""
    tests = {key.test for key in chosen}
    wrong = []
    for row in result["tests"]:
        passages = sum((row.get("redactions") or {}).values())
        if row["id"] in tests and passages > row.get("trials", 0):
            text = f"{row['id']}: {passages} passages of {row['trials']} replies were redacted"
            hint = "take private text out of the cases, or accept it all the same with --redacted"
            wrong.append(Problem("accept-redacted", text, None, hint))
    if wrong:
        raise LlmgateError(*wrong)


def _write(root: Path, signed: Sequence[AnyBaseline], same: Confirmed, anchor: bool) -> list[Change]:
    """Bring entries into their files; each file is read before the first one is written."""
    files = by_file(signed)
    for name, entries in files.items():
        _check_place(root, name, entries)
        read_baselines(root / name, root)
    before: dict[BaselineKey, AnyBaseline] = {}
    now: dict[BaselineKey, AnyBaseline] = {}
    for name, entries in files.items():

        def change(old: Entries, entries: Sequence[AnyBaseline] = entries) -> Entries:
            return after(old, entries, same, anchor)

        old, new = update_baselines(root / name, root, change)
        before.update(old)
        now.update(new)
    return changes(before, now)


def _check_place(root: Path, name: str, entries: Sequence[AnyBaseline]) -> None:
    """Refuse a suite that is not in this checkout: a run's directory must not choose any file to be written."""
    inside = (root / name).resolve().is_relative_to(root.resolve())
    for file in sorted({suite_file(entry.test) for entry in entries}):
        if not inside or not (root / file).is_file():
            hint = "accept in the checkout that the run was made in"
            raise problem("accept-refused", f"there is no suite {file!r} under the root", Where(name), hint)
