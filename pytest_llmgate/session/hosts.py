"""Which host a repository lies at, and where that host looks for workflows."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from pytest_llmgate.store.git import remote_url, top_of

WORKFLOWS: Mapping[str, str] = {"github": ".github/workflows/llm-gate.yml", "gitlab": ".gitlab-ci.yml"}
"""The file that `llmgate init` writes, by host."""

NO_CI = "none"

_SCP_LIKE = re.compile(r"(?:[^@/\s]+@)?([^@:/\[\]\s]+):(?!//)")
_CHOOSE = "choose one: llmgate init --ci github, or --ci gitlab"


class Hosts(NamedTuple):
    """Hosts to write a workflow for. note: why there is none, and what to do; empty where nothing is to be said."""

    names: tuple[str, ...] = ()
    note: str = ""


def hosts_for(root: Path, asked: str | None) -> Hosts:
    """The hosts of the project at `root`. asked: one of them, or `none`; None to go by the remote and what is there."""
    if asked == NO_CI:
        return Hosts()
    top = top_of(root)
    if top is not None and top != root:
        up, down = Path(os.path.relpath(top, root)).as_posix(), root.relative_to(top).as_posix()
        hint = f"put one of those in docs/ci of pytest-llmgate there ({up}), and let its commands run in {down}"
        return Hosts(note=f"hosts read workflows at the root of the repository only: {hint}")
    if asked is not None:
        return Hosts((asked,))
    url = None if top is None else remote_url(root)
    host = host_of(url or "")
    named = [name for name in WORKFLOWS if name in host]
    if len(named) == 1:
        return Hosts((named[0],))
    seen = {"github": (root / ".github").is_dir(), "gitlab": (root / WORKFLOWS["gitlab"]).exists()}
    if any(seen.values()):
        return Hosts(tuple(name for name in WORKFLOWS if seen[name]))
    why = (
        f"nobody knows whether {host} is a GitHub or a GitLab"
        if host
        else "no remote `origin` with a host is known here"
    )
    return Hosts(note=f"{why}; {_CHOOSE}")


def host_of(url: str) -> str:
    """The host of a remote in lower case, `git@host:path` too; empty where the address has none, such as a folder's."""
    if "://" in url:
        try:
            return (urlsplit(url).hostname or "").lower()
        except ValueError:  # a bracket without its fellow
            return ""
    found = _SCP_LIKE.match(url)
    return found[1].lower() if found else ""
