"""Collects all problems of a suite, so that they are told at once and in line order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_llmgate.core.errors import LlmgateError, Problem, Where


class Problems:
    """The problems found so far in one suite. file: the suite's own path, whose problems come first."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[Problem, None] = {}  # ordered, and the same problem only once

    def add(self, code: str, message: str, where: Where | None = None, hint: str = "") -> None:
        """Note a problem and go on."""
        self._found[Problem(code, message, where, hint)] = None

    @contextmanager
    def catch(self) -> Iterator[None]:
        """Note the problems that the block raises, and leave the block."""
        try:
            yield
        except LlmgateError as fault:
            self._found.update(dict.fromkeys(fault.problems))

    def __len__(self) -> int:
        return len(self._found)

    def raise_any(self) -> None:
        """Raise one LlmgateError with everything that was found, the suite's own lines first."""
        if self._found:
            raise LlmgateError(*sorted(self._found, key=self._place))

    def _place(self, found: Problem) -> tuple[bool, str, int]:
        where = found.where or Where(self.file)
        return where.path != self.file, where.path, where.line or 0
