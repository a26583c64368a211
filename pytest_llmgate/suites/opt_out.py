"""Cases whose people do not want their replies kept: a field of the case says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pytest_llmgate.core.case import Case

ROOTS = ("vars", "slice", "expected")
_NO = frozenset({"", "0", "false", "no", "off", "none", "null"})


def marked(cases: Iterable[Case], path: str | None) -> tuple[Case, ...]:
    """The cases, those marked whose field at `path` (`vars.tenant_opt_out`) is there and does not say no.

    What is neither yes nor no counts as yes: a text that nobody foresaw must not keep what should not be kept.
    """
    if path is None:
        return tuple(cases)
    root, *steps = path.split(".")
    return tuple(replace(case, private=True) if _says_yes(getattr(case, root), steps) else case for case in cases)


def is_path(path: object) -> bool:
    """Whether a value names a field of a case."""
    parts = path.split(".") if isinstance(path, str) else []
    return len(parts) > 1 and parts[0] in ROOTS and all(part.strip() for part in parts)


def _says_yes(value: Any, steps: Iterable[str]) -> bool:
    for step in steps:
        if not isinstance(value, Mapping) or step not in value:
            return False
        value = value[step]
    if isinstance(value, str):
        return value.strip().lower() not in _NO
    return bool(value)
