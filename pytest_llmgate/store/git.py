"""What git knows: which commit a run judged, who accepts, and what stood in a file at a revision."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_TIMEOUT_S = 5.0
# The repository's own configuration must not start programs: no file-system monitor, no hooks.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_TARGETS = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
_MAIN = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_FETCH = "check out with fetch-depth: 0 at GitHub, GIT_DEPTH: 0 at GitLab"


class Base(NamedTuple):
    """The commit at which a branch left its target, and the target; reason: why it is not known.

    on_target: HEAD is that commit, so there is no branch.
    """

    commit: str | None = None
    target: str | None = None
    on_target: bool = False
    reason: str = ""


def revision(root: Path) -> tuple[str | None, bool | None]:
    """Commit of the checkout at `root`, and whether tracked files differ from it; None outside git."""
    told = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if told is None:
        return None, None
    lines = told.decode("utf-8", "replace").splitlines()
    commits = [line.split()[2] for line in lines if line.startswith("# branch.oid ")]
    commit = commits[0] if commits and commits[0] != "(initial)" else None
    return commit, any(not line.startswith("#") for line in lines)


def user_name(root: Path) -> str | None:
    """`user.name` of git as it is set for `root`; None where nobody set it."""
    told = _git(root, "config", "--get", "user.name")
    return (told.decode("utf-8", "replace").strip() or None) if told else None


def remote_url(root: Path) -> str | None:
    """The address of the remote `origin`; None where there is none."""
    told = _git(root, "config", "--get", "remote.origin.url")
    return (told.decode("utf-8", "replace").strip() or None) if told else None


def top_of(root: Path) -> Path | None:
    """The folder of the working tree that `root` lies in, without links; None outside git."""
    told = _git(root, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(told.removesuffix(b"\n"))).resolve() if told else None


def commit_of(root: Path, name: str) -> str | None:
    """The commit that a revision names, None where there is none; a name that looks like an option is none."""
    if name.startswith("-"):
        return None
    told = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return told.decode("ascii", "replace").strip() if told else None


def merge_base(root: Path, environ: Mapping[str, str]) -> Base:
    """Where this branch left its target: the one that CI names, else the main branch."""
    targets = [name for key in _TARGETS if environ.get(key) for name in (f"origin/{environ[key]}", environ[key])]
    head = commit_of(root, "HEAD")
    if head is None:
        return Base(reason=_no_commit(root))
    for target in targets or _MAIN:
        tip = commit_of(root, target)
        if tip is not None:
            told = _git(root, "merge-base", head, tip)
            commit = told.decode("ascii", "replace").strip() if told else None
            name = _branch(root, target)
            return Base(commit, name, head == commit, "" if commit else _no_common(root, name))
    if targets or _is_shallow(root):
        return Base(reason=f"the target branch was not fetched: {_FETCH}")
    return Base(reason=f"there is no branch to compare with: {', '.join(_MAIN[:-1])} and {_MAIN[-1]} are unknown here")


def _branch(root: Path, name: str) -> str:
    """The branch that `origin/HEAD` stands for; any other name as it is."""
    told = _git(root, "rev-parse", "--abbrev-ref", name) if name == _MAIN[0] else None
    return told.decode("utf-8", "replace").strip() if told else name


def _no_commit(root: Path) -> str:
    here = top_of(root) is not None
    return "nothing has been committed here yet" if here else "git is not there, or knows no repository here"


def _no_common(root: Path, target: str) -> str:
    if _is_shallow(root):
        return f"the history that was fetched ends before this branch left {target}: {_FETCH}"
    return f"this commit and {target} have no history in common"


def _is_shallow(root: Path) -> bool:
    return _git(root, "rev-parse", "--is-shallow-repository") == b"true\n"


def file_at(root: Path, commit: str, name: str) -> bytes | None:
    """The content of a file (relative to `root`) at a commit (by its hash), None where it has none."""
    return _git(root, "cat-file", "blob", f"{commit}:./{name}")


def files_at(root: Path, commit: str | None, suffix: str) -> list[str]:
    """Files under `root` whose names end so: at a commit (by its hash), or for None those git sees in the checkout."""
    here = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    told = _git(root, *here) if commit is None else _git(root, "ls-tree", "-r", "-z", "--name-only", commit)
    names = {os.fsdecode(name) for name in (told or b"").split(b"\0")}
    return sorted(name for name in names if name.endswith(suffix))


def files_changed(root: Path, commit: str) -> list[str] | None:
    """Files that differ between a commit (by its hash) and the checkout, gone ones too; under `root`, relative to it.

    Files that git does not know are not among them. None where git does not say.
    """
    told = _git(root, "diff", "--name-only", "--no-renames", "--relative", "-z", commit, "--", ".")
    return None if told is None else sorted(os.fsdecode(name) for name in told.split(b"\0") if name)


def _git(root: Path, *words: str) -> bytes | None:
    """What git prints, None where it fails or is not there."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    try:
        told = subprocess.run(  # noqa: S603 - constant commands; names are checked before they come here
            (*_GIT, *words), cwd=root, env=env, capture_output=True, timeout=_TIMEOUT_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.SubprocessError):  # ValueError: a NUL in a name
        return None
    return None if told.returncode else told.stdout
