"""Sequential designs kept between runs: they take a while to compute and depend on nothing but their key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store.atomic import write_atomic
from pytest_llmgate.store.rundir import STATE, state_folder

_SCHEMA = "llmgate.designs/1"
_KEPT = 1000


class DesignCache:
    """Designs by key in `.llmgate/designs.json` under `root`.

    Only a cache: a file that is missing or broken is an empty one, and one that cannot be written is no error.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / STATE / "designs.json"
        self._known: dict[str, Mapping[str, Any]] | None = None
        self._fresh: dict[str, Mapping[str, Any]] = {}
        self._lock = Lock()

    def get(self, key: str) -> Mapping[str, Any] | None:
        """The design of a key, or None."""
        with self._lock:
            if self._known is None:
                self._known = _read(self._path)
            return self._fresh.get(key) or self._known.get(key)

    def put(self, key: str, design: Mapping[str, Any]) -> None:
        """Remember a design (JSON values); it reaches the disk at `flush`."""
        with self._lock:
            self._fresh[key] = design

    def flush(self) -> None:
        """Add the new designs to the file, beside those that other processes wrote meanwhile."""
        with self._lock:
            if not self._fresh:
                return
            merged = _read(self._path)
            merged.update(self._fresh)
            kept = dict(list(merged.items())[-_KEPT:])
            with suppress(LlmgateError):
                state_folder(self._root)
                write_atomic(self._path, json.dumps({"schema": _SCHEMA, "designs": kept}).encode())
            self._known, self._fresh = kept, {}


def _read(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
        return {}
    designs = content.get("designs")
    if not isinstance(designs, dict):
        return {}
    return {key: design for key, design in designs.items() if isinstance(design, dict)}
