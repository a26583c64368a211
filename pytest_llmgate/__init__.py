"""pytest-llmgate: decides whether a change to a prompt, a model or a circuit may ship.

Public names load when first used, so that an installed but unused plugin costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmgate.core.reply import Reply as Reply

_HOMES = {
    "Reply": "pytest_llmgate.core.reply",
    "assert_schema": "pytest_llmgate.testing.assertions",
    "assert_grounded": "pytest_llmgate.testing.assertions",
    "assert_consistent": "pytest_llmgate.testing.assertions",
    "assert_distribution": "pytest_llmgate.testing.assertions",
}
__all__ = ["Reply", "assert_consistent", "assert_distribution", "assert_grounded", "assert_schema"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("pytest-llmgate")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'pytest_llmgate' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
