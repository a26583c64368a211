"""A case: one input row of a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Context = str | tuple[Any, ...] | None
"""Sources of a case: a text, texts, or `{id, text}` objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One input row.

    id: unique in its test, the digest of the content unless given. vars: what the subject is called with.
    twin: 0, or the ordinal among cases with the same `vars`, so that twins do not share one recorded reply. private:
    what is said of it is judged and kept nowhere.
    """

    id: str
    vars: Mapping[str, Any] = field(default_factory=dict)
    context: Context = None
    expected: Any = None
    slice: Mapping[str, str] = field(default_factory=dict)
    twin: int = 0
    private: bool = False
