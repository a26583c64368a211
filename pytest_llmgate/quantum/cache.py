"""Exact probabilities on disk: a cache only, so that whatever is wrong with it is a miss and never an error."""

from __future__ import annotations

import json
import math
import os
from collections import OrderedDict
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import numpy as np

from pytest_llmgate.quantum.distribution import Distribution

V = TypeVar("V")

MOST_FILES: Final = 5_000
MOST_OUTCOMES: Final = 1 << 14
_SUFFIX = ".json"


class DistributionCache:
    """Distributions by key, in one folder (None keeps nothing). Safe for several threads and processes."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._pruned = False

    def read(self, key: str) -> Distribution | None:
        """What was kept under a key of hex digits; None where there is nothing sound."""
        if self._folder is None:
            return None
        try:
            text = self._path(key).read_text(encoding="utf-8")
            check, _, body = text.partition("\n")
            if check != _checksum(key, body):
                return None
            data = json.loads(body)
            outcomes, p = tuple(data["outcomes"]), np.array(data["p"], dtype=float)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        sound = len(outcomes) == len(p) > 0 and bool(np.all(p > 0.0)) and math.isclose(p.sum(), 1.0, abs_tol=1e-9)
        return Distribution(outcomes, p) if sound else None

    def write(self, key: str, found: Distribution) -> None:
        """Keep a distribution; a folder that cannot be written keeps nothing."""
        if self._folder is None or len(found.outcomes) > MOST_OUTCOMES:
            return
        body = json.dumps({"outcomes": list(found.outcomes), "p": found.p.tolist()}, separators=(",", ":"))
        path = self._path(key)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(f"{_checksum(key, body)}\n{body}", encoding="utf-8")
            os.replace(draft, path)
            self._prune_once()

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{key}{_SUFFIX}"

    def _prune_once(self) -> None:
        """Drop the oldest quarter where too many files have gathered, once a run."""
        if self._pruned:
            return
        self._pruned = True
        assert self._folder is not None
        files = [entry for entry in os.scandir(self._folder) if entry.name.endswith(_SUFFIX)]
        if len(files) > MOST_FILES:
            for entry in sorted(files, key=_age)[: len(files) - MOST_FILES * 3 // 4]:
                with suppress(OSError):
                    os.unlink(entry.path)


def _age(entry: Any) -> float:
    try:
        return float(entry.stat().st_mtime)
    except OSError:
        return 0.0


def _checksum(key: str, body: str) -> str:
    return sha256(f"{key}\n{body}".encode()).hexdigest()


class Kept(Generic[V]):
    """The newest values of a run in memory, up to a total size. For one thread at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._values: OrderedDict[Any, tuple[V, int]] = OrderedDict()

    def __contains__(self, key: Any) -> bool:
        return key in self._values

    def get(self, key: Any) -> V:
        """The value of a key that is kept."""
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: Any, value: V, size: int = 1) -> V:
        """Keep a value, and let the oldest others go where there is no room."""
        if key in self._values:
            self._size -= self._values.pop(key)[1]
        self._values[key] = (value, size)
        self._size += size
        while self._size > self._most and len(self._values) > 1:
            self._size -= self._values.popitem(last=False)[1][1]
        return value
