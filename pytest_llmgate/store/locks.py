"""Advisory locks between processes; the system releases them when their holder dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # the locked byte must lie behind everything that is read

    def _take(descriptor: int, *, wait: bool) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                if not wait:
                    raise BlockingIOError from None

else:
    import fcntl

    def _take(descriptor: int, *, wait: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def exclusive(path: Path) -> Iterator[int]:
    """Hold the lock on a file, made if need be, and yield its descriptor.

    A fresh descriptor every time: threads and forked children then exclude one another as processes do.
    """
    descriptor = os.open(path, _FLAGS, 0o644)
    try:
        _take(descriptor, wait=True)
        yield descriptor
    finally:
        os.close(descriptor)


def try_exclusive(path: Path) -> int | None:
    """The descriptor that holds the lock on a file until it is closed, or None where another holds it."""
    descriptor = os.open(path, _FLAGS, 0o644)
    try:
        _take(descriptor, wait=False)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def directory_lock(folder: Path) -> Iterator[None]:
    """Hold the lock on a folder itself, so that no lock file lies about; no lock where a system has none."""
    descriptor = None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        if descriptor is not None:
            with suppress(OSError):
                _take(descriptor, wait=True)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
