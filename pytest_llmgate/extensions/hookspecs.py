"""Hooks that a plugin package implements; announce it with an entry point of the group `llmgate`.

Example of a plugin module::

    from pytest_llmgate.extensions.hookspecs import hookimpl

    @hookimpl
    def llmgate_register_assertions(register):
        register("reading-age", "my_package.reading_age:FACTORY")
"""

from __future__ import annotations

from typing import Protocol

import pluggy

PROJECT = "llmgate"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Register(Protocol):
    """Adds one name to the registry."""

    def __call__(self, name: str, target: object, *, extra: str | None = None) -> None:
        """Add `name`.

        name: kebab-case, not beginning with `not-`. target: the object, or better "pkg.mod:Object", which is
        imported at first use. extra: what pip must install where that import fails, e.g. "my-package[voice]".
        Raises LlmgateError for a name that is taken or malformed.
        """


@hookspec
def llmgate_register_assertions(register: Register) -> None:
    """Register assertion types; a target is a MeasureFactory of core.ports, or a class that makes one."""


@hookspec
def llmgate_register_providers(register: Register) -> None:
    """Register model providers; a target is a function that builds a Provider of core.ports."""


@hookspec
def llmgate_register_backends(register: Register) -> None:
    """Register where circuits run; a target is a function (plan, files, environ) -> BackendV2 or BaseSamplerV2.

    The function may say `live = False` (it simulates in this process, nothing is billed) and `options` (a frozenset of
    the keys that it takes). Approval, budget, deadline and retries stand before it.
    """


@hookspec
def llmgate_register_reports(register: Register) -> None:
    """Register reports; a target is a Renderer of core.ports, or a class that makes one."""
