"""Files that a suite may read: under the root directory, of bounded size, never through a link that leaves it."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

from pytest_llmgate.core.errors import Where, problem

MAX_BYTES = 64 * 1024 * 1024
_IMPORTING = RLock()


def shown_under(path: Path, root: Path) -> str:
    """A path with forward slashes, relative to `root` where it lies inside. Both are taken as they are."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


@dataclass(frozen=True, slots=True)
class SuiteFiles:
    """Reads files named in a suite. root: nothing above it is read. base: folder that relative paths start from."""

    root: Path
    base: Path

    def resolve(self, name: str, where: Where | None = None) -> Path:
        """The real path of a named file; raises where it is missing or leaves the root."""
        try:
            path = (self.base / name).resolve()
            is_file = path.is_file()
        except (OSError, ValueError, RuntimeError) as fault:  # a NUL, a name too long, a loop of links
            raise problem("file-missing", f"{name[:80]!r} cannot be a file: {fault}", where) from None
        if not path.is_relative_to(self.root.resolve()):
            raise problem(
                "path-outside-root",
                f"{name!r} leads out of {self.root.name or self.root}/",
                where,
                "keep the file under the root directory and name it relative to the suite file",
            )
        if not is_file:
            raise problem("file-missing", f"there is no file {name!r}", where, f"looked for {self.shown(path)}")
        return path

    def shown(self, path: Path) -> str:
        """A path for messages and ids: relative to the root, with forward slashes."""
        return shown_under(path, self.root.resolve())

    def read_text(self, name: str, where: Where | None = None) -> str:
        """The text of a named UTF-8 file."""
        path = self.resolve(name, where)
        try:
            if path.stat().st_size > MAX_BYTES:
                raise problem("file-too-large", f"{name!r} is larger than {MAX_BYTES >> 20} MiB", where)
            return path.read_text(encoding="utf-8-sig")
        except OSError as fault:
            raise problem("file-unreadable", f"{name!r} cannot be read: {fault.strerror}", where) from None
        except UnicodeDecodeError as fault:
            raise problem("file-not-utf8", f"{name!r} is not UTF-8 text: {fault.reason}", where) from None

    def digest(self, name: str) -> str:
        """Content digest of a named file."""
        return "sha256:" + sha256(self.resolve(name).read_bytes()).hexdigest()

    def load_object(self, target: str, where: Where | None = None) -> Any:
        """The object that `file.py:name` stands for; the module is imported once per file."""
        file, separator, name = target.rpartition(":")
        if not separator or not file.endswith(".py") or not name:
            raise problem("target-syntax", f"{target!r} is not of the form 'file.py:name'", where)
        path = self.resolve(file, where)
        with _IMPORTING:  # another thread may be in the middle of the same file
            module = self._module(path, target, where)
        if not hasattr(module, name):
            raise problem("target-missing", f"{file} has no {name!r}", where)
        return getattr(module, name)

    def _module(self, path: Path, target: str, where: Where | None) -> ModuleType:
        """Import a file under a name of its own path, with its folder importable, as pytest does."""
        for loaded in list(sys.modules.values()):
            if getattr(loaded, "__file__", None) == str(path):
                return loaded
        name = f"llmgate_target_{sha256(str(path).encode()).hexdigest()[:12]}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None  # a .py file always has one
        module = importlib.util.module_from_spec(spec)
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException as fault:
            sys.modules.pop(name, None)
            if isinstance(fault, KeyboardInterrupt):
                raise
            raise problem(
                "target-import", f"importing {target!r} raised {type(fault).__name__}: {fault}", where
            ) from fault
        return module
