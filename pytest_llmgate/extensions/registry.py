"""The registry: what a suite's `type:` and `provider:` stand for, and what reports there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import ModuleType
from typing import Any, cast

import pluggy

from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.ports import MeasureFactory, Renderer
from pytest_llmgate.extensions import builtin, hookspecs
from pytest_llmgate.extensions.shelf import Entry, Shelf

ENTRY_POINTS = "llmgate"


class Registry:
    """Assertion types, model providers, circuit backends and reports by name; objects are imported at first use."""

    __slots__ = ("_assertions", "_backends", "_providers", "_reports")

    def __init__(self) -> None:
        self._assertions = Shelf("assertion", builtin.PENDING_ASSERTIONS)
        self._providers = Shelf("provider", builtin.PENDING_PROVIDERS)
        self._backends = Shelf("backend", elsewhere=builtin.SIMULATORS)
        self._reports = Shelf("report")

    def assertion(self, name: str, where: Where | None = None) -> MeasureFactory:
        """The factory of an assertion type without `not-`.

        Raises LlmgateError for unknown and not yet available types, for one whose package is not installed,
        and for a plugin's object that is not a MeasureFactory.
        """
        found = self._assertions.get(name, where)
        return cast(MeasureFactory, _shaped("assertion", name, found, ("keys", "rates", "build"), where))

    def provider(self, name: str, where: Where | None = None) -> Callable[..., Any]:
        """The build function of a provider; raises as `assertion` does."""
        return _callable("provider", name, self._providers.get(name, where), where)

    def backend(self, name: str, where: Where | None = None) -> Callable[..., Any]:
        """The function that opens a device of a backend's provider; raises as `assertion` does."""
        return _callable("backend", name, self._backends.get(name, where), where)

    def report(self, name: str, where: Where | None = None) -> Renderer:
        """The renderer of a report; raises as `assertion` does."""
        return cast(Renderer, _shaped("report", name, self._reports.get(name, where), ("active", "render"), where))

    def assertions(self) -> tuple[str, ...]:
        """Names of all assertion types, sorted, without `not-`."""
        return self._assertions.names

    def providers(self) -> tuple[str, ...]:
        """Names of all providers, sorted."""
        return self._providers.names

    def backends(self) -> tuple[str, ...]:
        """Names of all providers of circuit backends, sorted; without our own simulators."""
        return self._backends.names

    def reports(self) -> tuple[str, ...]:
        """Names of all reports, sorted."""
        return self._reports.names

    def fill(self, plugin: object, source: str) -> None:
        """Let one plugin register what it brings; `source` names it in messages."""
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        try:
            manager.register(plugin, name=source)
            manager.check_pending()
        except pluggy.PluginValidationError as fault:
            raise problem("bad-plugin", f"plugin {source!r}: {fault}") from fault
        for call, shelf in (
            (manager.hook.llmgate_register_assertions, self._assertions),
            (manager.hook.llmgate_register_providers, self._providers),
            (manager.hook.llmgate_register_backends, self._backends),
            (manager.hook.llmgate_register_reports, self._reports),
        ):
            _run_hook(call, partial(_add, shelf, source), source)


def create_registry(plugins: Iterable[object] = (), entry_points: bool = True) -> Registry:
    """The registry of a run: the built-ins, installed plugins, and plugin objects given by the caller.

    plugins: modules or objects with hook implementations. entry_points: whether installed packages with an
    entry point in the group `llmgate` take part. Raises LlmgateError for a plugin that cannot be loaded, that
    implements a hook that does not exist, or that takes a name that is taken.
    """
    registry = Registry()
    registry.fill(builtin, "pytest-llmgate")
    if entry_points:
        _fill_from_entry_points(registry)
    for plugin in plugins:
        registry.fill(plugin, _source_of(plugin))
    return registry


def _add(shelf: Shelf, source: str, name: str, target: object, *, extra: str | None = None) -> None:
    shelf.add(name, Entry(target, source, extra))


def _run_hook(call: Callable[..., Any], register: hookspecs.Register, source: str) -> None:
    try:
        call(register=register)
    except LlmgateError:
        raise
    except Exception as fault:
        raise problem("bad-plugin", f"plugin {source!r} raised {type(fault).__name__}: {fault}") from fault


def _fill_from_entry_points(registry: Registry) -> None:
    from importlib.metadata import entry_points

    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: (entry.name, entry.value)):
        source = f"{entry.name} ({entry.value})"
        try:
            plugin = entry.load()
        except Exception as fault:
            raise problem(
                "bad-plugin",
                f"plugin {source!r} cannot be imported: {type(fault).__name__}: {fault}",
                hint="repair or uninstall the package that brings it",
            ) from fault
        registry.fill(plugin, source)


def _source_of(plugin: object) -> str:
    if isinstance(plugin, ModuleType):
        return plugin.__name__
    kind = plugin if isinstance(plugin, type) else type(plugin)
    return f"{kind.__module__}.{kind.__qualname__}"


def _shaped(kind: str, name: str, found: object, parts: tuple[str, ...], where: Where | None) -> object:
    """The object, made from its class where that is what was registered; raises LlmgateError where parts lack."""
    made = found() if isinstance(found, type) else found
    lacking = [part for part in parts if not hasattr(made, part)]
    if lacking:
        raise _misshapen(kind, name, f"has no {', '.join(lacking)}", where)
    return made


def _callable(kind: str, name: str, found: object, where: Where | None) -> Callable[..., Any]:
    if not callable(found):
        raise _misshapen(kind, name, "is not callable", where)
    return found


def _misshapen(kind: str, name: str, what: str, where: Where | None) -> LlmgateError:
    return problem(
        "extension-shape",
        f"the object registered as {kind} {name!r} {what}",
        where,
        "the ports are described in pytest_llmgate/core/ports.py",
    )
