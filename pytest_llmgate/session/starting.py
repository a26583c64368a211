"""`llmgate init`: a first suite, test, configuration and workflow, none of which takes the place of anything."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import NamedTuple

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.session.hosts import WORKFLOWS, Hosts, hosts_for
from pytest_llmgate.session.loading import find_root
from pytest_llmgate.store.atomic import storing, write_atomic
from pytest_llmgate.store.git import top_of
from pytest_llmgate.suites.config import PYPROJECT, build_settings

_CONFIG = '[tool.llmgate]\nsuites = ["suites"]\nbudget = "1.00" # USD, hard cap of a run with live models\n'
_OF_PYTEST = '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'
_OTHERS_CONFIG = ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")


class Step(NamedTuple):
    """What became of one file. done: `written`, `appended to`, or `kept` where there was one."""

    path: str
    done: str


class Started(NamedTuple):
    """What was done. root: where. no_workflow: why none was written, where something is to be said about that."""

    root: Path
    steps: list[Step]
    no_workflow: str = ""


class _Draft(NamedTuple):
    """A file to be: its path below the root, and its text."""

    path: str
    text: str


def project_at(here: Path) -> Path:
    """Where to start if nobody gave a folder: at the root of the project around `here`, as other commands see it.

    Outside git that is `here`: a stray file somewhere above claims no project.
    """
    return here if top_of(here) is None else find_root(here)


def start(root: Path, ci: str | None = None) -> Started:
    """Write what is missing at `root`, which is made if need be; whatever exists stays as it is.

    ci: the host to write a workflow for, or `none`; None to go by the remote.

    Raises LlmgateError: `toml-syntax` and `init-config` for a pyproject.toml that cannot be added to, `init-outside`
    where a link leads out of the root, `cannot-write`. All but the last come before anything is written.
    """
    with storing(root):
        root.mkdir(parents=True, exist_ok=True)
    root = root.resolve()
    suites = _suites_folder(root)
    config = _config(root)
    hosts = hosts_for(root, ci)
    drafts = [*_drafts(suites), *_workflows(hosts)]
    for path in (PYPROJECT, *(draft.path for draft in drafts)):
        _check_inside(root, path)
    steps = [_write(root, draft) for draft in drafts]
    return Started(root, [_configure(root, config), *steps], hosts.note)


def lines(started: Started) -> list[str]:
    """What was done, and what to do next."""
    width = max(len(step.done) for step in started.steps)
    done = [f"{step.done:<{width}}  {step.path}" for step in started.steps]
    here = started.root == Path.cwd().resolve()
    where = [] if here else [f"in {started.root}:"]
    lacking = [f"no workflow was written: {started.no_workflow}"] if started.no_workflow else []
    go = "" if here else f"cd {quote(str(started.root))} && "
    return [*where, *done, *lacking, "", f"next: {go}pytest --llm-suite"]


def _suites_folder(root: Path) -> str:
    """Where the project looks for suites, as it is configured."""
    folder = PurePosixPath(build_settings(root, {}, {}).suites[0])
    if folder.is_absolute() or ".." in folder.parts:
        raise problem("init-outside", f"suites are looked for in {folder}, outside of this folder", Where(PYPROJECT))
    return folder.as_posix()


def _drafts(suites: str) -> Iterator[_Draft]:
    for path, name in {
        f"{suites}/example.suite.yaml": "suite.txt",
        f"{suites}/example_cases.jsonl": "cases.txt",
        f"{suites}/example_model.py": "model.txt",
        "tests/test_llm_gate.py": "test.txt",
    }.items():
        yield _Draft(path, _starter(name).replace("@SUITES@", suites))


def _workflows(hosts: Hosts) -> Iterator[_Draft]:
    for host in hosts.names:
        yield _Draft(WORKFLOWS[host], _starter(f"{host}.yml"))


def _starter(name: str) -> str:
    return (files("pytest_llmgate.session") / "starter" / name).read_text(encoding="utf-8")


def _config(root: Path) -> str | None:
    """The whole text that pyproject.toml shall have; None where it says something of us already."""
    path = root / PYPROJECT
    if not path.exists():
        others = any((root / name).exists() for name in _OTHERS_CONFIG)
        return _CONFIG if others else f"{_OF_PYTEST}\n{_CONFIG}"
    text = path.read_bytes().decode("utf-8")  # build_settings has read it, so it is text, and TOML
    if "llmgate" in tomllib.loads(text.removeprefix("\ufeff")).get("tool", {}):
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    end = "" if not text or text.endswith("\n") else newline
    whole = f"{text}{end}{newline if text else ''}{_CONFIG.replace(chr(10), newline)}"
    with suppress(tomllib.TOMLDecodeError):
        tomllib.loads(whole.removeprefix("\ufeff"))
        return whole
    hint = "add a table `llmgate` to it by hand, then run this again"
    raise problem("init-config", "nothing can be appended, as `tool` is written as one value", Where(PYPROJECT), hint)


def _configure(root: Path, text: str | None) -> Step:
    path = (root / PYPROJECT).resolve()
    if text is None:
        return Step(PYPROJECT, "kept")
    existed = path.exists()
    write_atomic(path, text.encode("utf-8"))
    return Step(PYPROJECT, "appended to" if existed else "written")


def _check_inside(root: Path, path: str) -> None:
    if not (root / path).resolve().is_relative_to(root):
        hint = "replace the link by a folder, or choose another --dir"
        raise problem("init-outside", f"{path} leads out of this folder", Where(str(root / path)), hint)


def _write(root: Path, draft: _Draft) -> Step:
    """Write a new file; one that exists is never opened for writing."""
    path = root / draft.path
    if os.path.lexists(path):
        return Step(draft.path, "kept")
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(draft.text)
    return Step(draft.path, "written")
