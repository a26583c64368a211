"""Files that are either the old ones or the new ones, never half of each."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pytest_llmgate.core.errors import LlmgateError, Where, problem

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def storage_fault(fault: OSError, path: Path) -> LlmgateError:
    """The problem that an error of the file system is: `disk-full` or `cannot-write`."""
    reason = fault.strerror or str(fault)
    if fault.errno in _FULL:
        message, hint = f"no room left: {reason}", "free some space, then go on with --llm-resume"
        return problem("disk-full", message, Where(str(path)), hint)
    hint = "make the folder writable, or choose another one with --llm-results"
    return problem("cannot-write", f"cannot write: {reason}", Where(str(path)), hint)


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn errors of the file system into problems that name `path`."""
    try:
        yield
    except OSError as fault:
        raise storage_fault(fault, path) from fault


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well, and vanishes when it does not."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    with storing(path):
        try:
            with open(draft, "xb", buffering=1 << 17) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise


def write_atomic(path: Path, data: bytes) -> None:
    """Write a whole file at once; raises `disk-full` or `cannot-write` and then leaves the old one."""
    with replacing(path) as file:
        file.write(data)
