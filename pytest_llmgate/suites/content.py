"""Digests of the files that a test depends on, so that its plan changes when they do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import SuiteFiles

_LONGEST_PATH = 400


def content_digests(values: Iterable[Any], files: SuiteFiles) -> dict[str, str]:
    """Digest by path, relative to the root, of every file that a text in `values` names.

    values: plain data, in which a file stands as a path or as `file.py:name`; under a key `sources` also a folder, all
    of whose files count.
    """
    found: dict[str, str] = {}
    for text in _texts(list(values), files):
        name = text.rpartition(":")[0] if ".py:" in text else text
        path = _file(name, files)
        if path is not None:
            found[path] = files.digest(name)
    return dict(sorted(found.items()))


def _texts(value: Any, files: SuiteFiles) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _below(item, files) if key == "sources" else ()
            yield from _texts(item, files)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item, files)


def _below(value: Any, files: SuiteFiles) -> Iterator[str]:
    """Names of all files below the folders that a value names."""
    named = value if isinstance(value, (list, tuple)) else [value]
    for name in [text for text in named if isinstance(text, str)]:
        try:
            folder = files.base / name
            inside = folder.is_dir() and folder.resolve().is_relative_to(files.root.resolve())
            found = sorted(path for path in folder.rglob("*") if path.is_file()) if inside else []
        except (OSError, ValueError):  # a NUL, a name too long: no folder
            continue
        yield from ((PurePosixPath(name) / path.relative_to(folder).as_posix()).as_posix() for path in found)


def _file(name: str, files: SuiteFiles) -> str | None:
    """The shown path of a file, None for a text that names no file; a file has a suffix."""
    if not 0 < len(name) <= _LONGEST_PATH or "." not in name or any(ord(sign) < 32 for sign in name):
        return None
    try:
        return files.shown(files.resolve(name))
    except (LlmgateError, OSError, ValueError):
        return None
