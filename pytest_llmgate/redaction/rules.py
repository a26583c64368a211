"""What a project says about redaction: `[tool.llmgate.redaction]` of its pyproject.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.errors import LlmgateError, Where, nearest, problem
from pytest_llmgate.core.private_kinds import NAME, ORDINARY, URL

TABLE = "tool.llmgate.redaction"

MAX_TERMS = 10_000
MAX_TERM = 500  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """kinds: what is looked for. deny: texts of the project's own, whole words in any case. patterns: RE2 patterns.

    allow: passages that stay as they are, such as the address of a help desk; in any case. key: of the pseudonyms,
    1 to 64 bytes; None for the public default.
    """

    kinds: frozenset[str] = frozenset(ORDINARY)
    deny: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()
    key: bytes | None = None


def read_rules(
    table: Mapping[str, Any], env: Mapping[str, str], where: Callable[[str], Where | None] = lambda key: None
) -> Rules:
    """The rules of the table. env: where `key_env` is looked up. where: the place of a key in the file.

    Raises LlmgateError for unknown keys, wrong values, and a key of the pseudonyms that is not set.
    """
    known = ("allow", "deny", "deny_patterns", "key_env", "names", "urls", "without")
    for name in table:
        if name not in known:
            raise problem("unknown-key", f"unknown key {name!r} in [{TABLE}]", where(name), nearest(name, known))
    asked = {kind for kind, name in ((URL, "urls"), (NAME, "names")) if _flag(table, name, where)}
    return Rules(
        kinds=(frozenset(ORDINARY) - _without(table, where)) | asked,
        deny=_texts(table, "deny", where),
        patterns=_texts(table, "deny_patterns", where),
        allow=frozenset(text.casefold() for text in _texts(table, "allow", where)),
        key=_key(table, env, where),
    )


def _texts(table: Mapping[str, Any], name: str, where: Callable[[str], Where | None]) -> tuple[str, ...]:
    given = table.get(name, [])
    if not isinstance(given, list) or not all(isinstance(text, str) and text.strip() for text in given):
        raise _bad(name, "takes a list of texts that are not empty", where)
    if len(given) > MAX_TERMS or any(len(text) > MAX_TERM for text in given):
        raise _bad(name, f"takes at most {MAX_TERMS:,} texts of at most {MAX_TERM} characters", where)
    return tuple(given)


def _without(table: Mapping[str, Any], where: Callable[[str], Where | None]) -> frozenset[str]:
    given = _texts(table, "without", where)
    for kind in given:
        if kind not in ORDINARY:
            raise _bad("without", f"names no kind {kind!r}; {nearest(kind, ORDINARY)}", where)
    return frozenset(given)


def _flag(table: Mapping[str, Any], name: str, where: Callable[[str], Where | None]) -> bool:
    given = table.get(name, False)
    if not isinstance(given, bool):
        raise _bad(name, "takes true or false", where)
    return given


def _key(table: Mapping[str, Any], env: Mapping[str, str], where: Callable[[str], Where | None]) -> bytes | None:
    name = table.get("key_env")
    if name is None:
        return None
    if not isinstance(name, str) or not name.strip():
        raise _bad("key_env", "takes the name of an environment variable", where)
    key = env.get(name, "").encode("utf-8", "surrogateescape")
    if not 1 <= len(key) <= 64:
        hint = f"set {name} to 1 to 64 bytes that nobody can guess"
        raise problem(
            "redaction-key", f"{name} of key_env is {'not set' if not key else 'too long'}", where("key_env"), hint
        )
    return key


def _bad(name: str, fault: str, where: Callable[[str], Where | None]) -> LlmgateError:
    return problem("bad-option", f"{TABLE}.{name} {fault}", where(name))
