"""The root directory where an option of ours has its value behind a space: `--llm-results DIR`.

pytest looks for its root before plugins have declared their options. A value that stands alone is a test path to it
then, and where such a path exists, it has its say in the root: another pyproject.toml, other ids, other seeds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from _pytest.config.findpaths import determine_setup


class _Setup(NamedTuple):
    """What pytest finds for a command line. settings: what it reads of `file`."""

    root: Path
    file: Path | None
    settings: Any


def keep_root(config: pytest.Config, args: Sequence[str], names: Collection[str]) -> None:
    """Take the values of our options out of the search for the root; workers get them as `--name=value`.

    args: the command line with all `addopts`. names: of our options that take a value. Raises pytest.UsageError where
    pytest has already acted upon the settings of another root.
    """
    given = config.invocation_params
    sent = joined(given.args, names)  # xdist hands these to its workers, which look for the root themselves
    config.invocation_params = pytest.Config.InvocationParams(args=sent, plugins=given.plugins, dir=given.dir)
    apart = _apart(args, names)
    mine = _setup(config, [])
    if (config.rootpath, config.inipath) == mine[:2]:
        return
    seen = _setup(config, [value for _, value in apart])
    if seen[:2] == mine[:2]:
        return  # whatever moved the root is none of ours
    if seen.settings != mine.settings:
        name, value = next(pair for pair in apart if _setup(config, [pair[1]])[:2] != mine[:2])
        raise pytest.UsageError(
            f"pytest takes {value} for a test path, as it stands behind a space, and so misses the settings in "
            f"{mine.file or mine.root}: write {name}={value}"
        )
    _move(config, mine)


def joined(args: Sequence[str], names: Collection[str]) -> list[str]:
    """A command line in which every option of these names is one word with its value, `--name=value`."""
    words: list[str] = []
    rest = iter(args)
    for word in rest:
        if word == "--":
            return [*words, word, *rest]
        value = next(rest, None) if word in names else None
        words.append(word if value is None else f"{word}={value}")
    return words


def _apart(args: Sequence[str], names: Collection[str]) -> list[tuple[str, str]]:
    """Options of these names whose values are words of their own, with these."""
    words = iter(args)
    pairs = ((word, next(words, "")) for word in words if word in names)
    return [(name, value) for name, value in pairs if value]


def _setup(config: pytest.Config, more: Sequence[str]) -> _Setup:
    """What pytest finds, with all options known. more: words that it shall take for test paths, too."""
    known = config.known_args_namespace
    given = {
        "inifile": known.inifilename,
        "override_ini": known.override_ini,
        "args": [*known.file_or_dir, *more],
        "rootdir_cmd_arg": known.rootdir or None,
        "invocation_dir": config.invocation_params.dir,
    }
    wanted = signature(determine_setup).parameters  # they differ between pytest 8 and 9
    return _Setup(*determine_setup(**{name: given[name] for name in wanted})[:3])


def _move(config: pytest.Config, to: _Setup) -> None:
    """Give pytest another root, before any conftest is read; its settings are the same."""
    known = config.known_args_namespace
    if known.confcutdir == str(_folder(config.rootpath, config.inipath)):
        known.confcutdir = str(_folder(to.root, to.file))
    config._rootpath, config._inipath = to.root, to.file


def _folder(root: Path, file: Path | None) -> Path:
    return root if file is None else file.parent
