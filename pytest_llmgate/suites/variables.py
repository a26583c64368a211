"""`${VAR}` and `${VAR:-default}` in the keys that may name machines and models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.errors import Where, problem

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def expand(value: Any, env: Mapping[str, str], where: Where, *, lenient: bool = False) -> Any:
    """The plain value with variables replaced in all its texts; lenient: unset ones stay as they are written.

    Raises LlmgateError for a broken `${`, and for a variable that is unset or empty and has no default.
    """
    if isinstance(value, dict):
        return {name: expand(item, env, where, lenient=lenient) for name, item in value.items()}
    if isinstance(value, list):
        return [expand(item, env, where, lenient=lenient) for item in value]
    return _expand_text(value, env, where, lenient) if isinstance(value, str) else value


def _expand_text(text: str, env: Mapping[str, str], where: Where, lenient: bool) -> str:
    if "${" in _VARIABLE.sub("", text):
        raise problem("variable-syntax", f"{text!r} has a broken '${{'", where, "write ${NAME} or ${NAME:-default}")

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        found = env.get(name) or default  # an empty variable is what CI makes of a missing secret
        if found is None and not lenient:
            hint = f"set {name}, or write ${{{name}:-default}}"
            raise problem("variable-unset", f"the environment variable {name} is not set", where, hint)
        return match.group() if found is None else found

    return _VARIABLE.sub(value, text)
