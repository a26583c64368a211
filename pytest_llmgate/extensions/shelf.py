"""One kind of extension: names, where their objects live, and loading them at first use."""

from __future__ import annotations

import re
from importlib import import_module
from typing import NamedTuple

from pytest_llmgate.core.errors import LlmgateError, Where, nearest, not_available, problem

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class Entry(NamedTuple):
    """A registered name. source: the plugin that brought it. extra: what pip installs for it."""

    target: object
    source: str
    extra: str | None


class Shelf:
    """The extensions of one kind.

    kind: the word for messages, such as "assertion". pending: names that a later version delivers. elsewhere: names
    that exist and need no extension.
    """

    __slots__ = ("_elsewhere", "_entries", "_kind", "_loaded", "_pending")

    def __init__(
        self, kind: str, pending: frozenset[str] = frozenset(), *, elsewhere: frozenset[str] = frozenset()
    ) -> None:
        self._kind = kind
        self._elsewhere = elsewhere
        self._pending = pending
        self._entries: dict[str, Entry] = {}
        self._loaded: dict[str, object] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All registered names, sorted."""
        return tuple(sorted(self._entries))

    def add(self, name: str, entry: Entry) -> None:
        """Register a name; raises LlmgateError for one that is taken or malformed."""
        if not _NAME.fullmatch(name) or name.startswith("not-"):
            raise problem(
                "bad-extension-name",
                f"plugin {entry.source!r} registers the {self._kind} {name!r}",
                hint="names are kebab-case and do not begin with 'not-', which every assertion has anyway",
            )
        if isinstance(entry.target, str) and not _TARGET.fullmatch(entry.target):
            raise problem(
                "bad-extension-target",
                f"plugin {entry.source!r} registers the {self._kind} {name!r} as {entry.target!r}",
                hint="write 'package.module:Object'",
            )
        if name in self._elsewhere:
            raise problem(
                "duplicate-extension",
                f"plugin {entry.source!r} registers the {self._kind} {name!r}",
                None,
                "it is ours",
            )
        taken = self._entries.get(name)
        if taken is not None:
            raise problem(
                "duplicate-extension",
                f"the {self._kind} {name!r} is registered by {taken.source!r} and by {entry.source!r}",
                hint="uninstall one of the two, or rename one",
            )
        self._entries[name] = entry

    def get(self, name: str, where: Where | None) -> object:
        """The object of a name, imported at first use."""
        if name not in self._loaded:
            entry = self._entries.get(name)
            if entry is None:
                raise self._absent(name, where)
            self._loaded[name] = self._load(name, entry, where)
        return self._loaded[name]

    def _absent(self, name: str, where: Where | None) -> LlmgateError:
        if name in self._pending:
            return not_available(f"{self._kind} {name!r}", where)
        known = {*self._entries, *self._elsewhere}
        return problem(f"unknown-{self._kind}", f"unknown {self._kind} {name!r}", where, nearest(name, known))

    def _load(self, name: str, entry: Entry, where: Where | None) -> object:
        if not isinstance(entry.target, str):
            return entry.target
        module, _, attribute = entry.target.partition(":")
        try:
            loaded: object = getattr(import_module(module), attribute)
        except ImportError as fault:
            raise self._import_failed(name, entry, fault, where) from fault
        except Exception as fault:
            raise self._broken(name, entry, fault, where) from fault
        return loaded

    def _import_failed(self, name: str, entry: Entry, fault: ImportError, where: Where | None) -> LlmgateError:
        module = str(entry.target).partition(":")[0]
        own = fault.name is not None and (module == fault.name or module.startswith(f"{fault.name}."))
        if entry.extra is None or own:
            return self._broken(name, entry, fault, where)
        return problem(
            "missing-extra",
            f"the {self._kind} {name!r} needs a package that is not installed: {fault}",
            where,
            f'pip install "{entry.extra}"',
        )

    def _broken(self, name: str, entry: Entry, fault: Exception, where: Where | None) -> LlmgateError:
        return problem(
            "extension-load",
            f"loading the {self._kind} {name!r} of plugin {entry.source!r} from {entry.target} "
            f"raised {type(fault).__name__}: {fault}",
            where,
            "report it to the plugin's authors, or uninstall the plugin",
        )
