"""What differs between baselines: a run's proposals or the checkout's files, against approved ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llmgate.core.baseline import BASELINE_SUFFIX, AnyBaseline
from pytest_llmgate.core.baseline_key import BaselineKey
from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.session.baseline_words import lines, page
from pytest_llmgate.session.baselines import after, by_file, confirmed, proposals_of
from pytest_llmgate.session.runs import open_run, result_of
from pytest_llmgate.session.what_changed import loosened_since
from pytest_llmgate.store.accepting import Change, changes
from pytest_llmgate.store.baseline_files import baseline_files
from pytest_llmgate.store.baseline_lines import decode
from pytest_llmgate.store.baselines import read_baselines
from pytest_llmgate.store.git import commit_of, file_at, files_at, merge_base
from pytest_llmgate.store.rundir import RunDir

_MERGE_BASE = "merge-base"


class Difference(NamedTuple):
    """What differs. loosened: sentences on thresholds that are easier to keep now."""

    title: str
    changes: list[Change]
    loosened: Sequence[str] = ()


def diff(
    root: Path, run: str | None, against: str | None, environ: Mapping[str, str], *, anchor: bool = False
) -> Difference:
    """What differs. anchor: as an accept with --anchor would write proposals.

    run: its proposals are looked at, as an accept would write them; None for the newest run, or with `against` for
    the files of the checkout. against: a revision of git, or `merge-base`; None for the files of the checkout.
    Raises `no-proposals`, `unknown-revision` and the problems of reading.
    """
    commit = None if against is None else _commit(root, against, environ)
    where = "of the checkout" if commit is None else f"at {against} ({commit[:12]})"
    if against is None or run is not None:
        proposed = list(proposals_of(root, run).values())
        old = _entries(root, by_file(proposed), commit)
        new = after(old, proposed, confirmed(result_of(root, run)), anchor)
        title = f"proposals of run {open_run(root, run).id} against the baselines {where}"
        return Difference(title, changes(old, new), _loosened(root, commit))
    names = sorted({*baseline_files(root), *files_at(root, commit, BASELINE_SUFFIX)})
    found = changes(_entries(root, names, commit), _entries(root, names, None))
    return Difference(f"baselines of the checkout against those {where}", found, _loosened(root, commit))


def _loosened(root: Path, commit: str | None) -> list[str]:
    return [] if commit is None else loosened_since(root, commit)


def written(run: RunDir, root: Path, result: Mapping[str, Any], entries: Sequence[AnyBaseline]) -> str:
    """The proposals of a run that has just ended against the files of the checkout, as Markdown for a pull request.

    A baseline file that cannot be read is said in their place.
    """
    try:
        old = _entries(root, by_file(entries), None)
    except LlmgateError as fault:
        return page("proposed baselines", [str(fault)])
    new = after(old, entries, confirmed(result))
    return page("proposed baselines", lines(f"run {run.id} against the checkout", changes(old, new)))


def _entries(root: Path, names: Collection[str], commit: str | None) -> dict[BaselineKey, AnyBaseline]:
    """The entries of baseline files at a commit, or for None in the checkout; a file that is not there has none."""
    found: dict[BaselineKey, AnyBaseline] = {}
    for name in names:
        if commit is None:
            found.update(read_baselines(root / name, root).entries)
        else:
            data = file_at(root, commit, name)
            found.update({} if data is None else decode(data, f"{commit[:12]}:{name}", name))
    return found


def _commit(root: Path, against: str, environ: Mapping[str, str]) -> str:
    hint = "name a branch, a tag or a commit that this checkout has: --against origin/main"
    if against == _MERGE_BASE:
        base = merge_base(root, environ)
        if base.commit is None:
            raise problem("unknown-revision", f"no merge base is known: {base.reason}", None, hint)
        return base.commit
    commit = commit_of(root, against)
    if commit is None:
        raise problem("unknown-revision", f"git knows no {against!r} here", None, hint)
    return commit
