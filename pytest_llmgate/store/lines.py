"""JSON lines as bytes: one object a line, readable after a writer was killed in the middle of one."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmgate.core.codec import plain

_SEGMENT = re.compile(r"\.(?P<worker>[A-Za-z0-9_-]+)(?:\.(?P<start>\d{1,6}))?\.jsonl")


def encode(row: Mapping[str, Any]) -> bytes:
    """One line with its end. What JSON cannot hold is written as text, and numbers that are none as null."""
    try:
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError):
        text = json.dumps(_tame(plain(row)), ensure_ascii=False, separators=(",", ":"), default=repr)
    return to_bytes(text) + b"\n"


def to_bytes(text: str) -> bytes:
    """JSON text as UTF-8; a lone surrogate becomes the escape that JSON has for it."""
    return text.encode("utf-8", "backslashreplace")


def _tame(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _tame(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_tame(item) for item in value]
    return value


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Up to `size` bytes of an open file from `offset` on."""
    if sys.platform != "win32":
        return os.pread(descriptor, size, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, size)


def segments(folder: Path, stem: str) -> list[Path]:
    """The worker segments of `stem` (such as `trials.gw0.jsonl`, `trials.gw0.2.jsonl`), earlier starts first."""
    found = []
    for path in folder.glob(f"{stem}.*.jsonl"):
        named = _SEGMENT.fullmatch(path.name[len(stem) :])
        if named:
            found.append((int(named["start"] or 1), named["worker"], path))
    return [path for _, _, path in sorted(found)]


def sources(folder: Path, stem: str) -> list[Path]:
    """All files that hold rows of `stem`: the merged one, then the segments that are not merged yet."""
    merged = folder / f"{stem}.jsonl"
    return ([merged] if merged.is_file() else []) + segments(folder, stem)
