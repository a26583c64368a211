"""Problems a user can mend: what is wrong, where, and what to do instead.

Every problem has a stable code; docs/messages.md explains each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a user's file; `line` counts from 1."""

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    code: stable kebab-case name, listed in docs/messages.md. message: what is wrong.
    where: file and line, if known. hint: what instead, or the next command.
    """

    code: str
    message: str
    where: Where | None = None
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}{self.message}{hint} [{self.code}]"


class LlmgateError(Exception):
    """One or more problems that stop the work; all of a file's problems come at once."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def problem(code: str, message: str, where: Where | None = None, hint: str = "") -> LlmgateError:
    """An error with one problem, ready to raise."""
    return LlmgateError(Problem(code, message, where, hint))


def not_available(what: str, where: Where | None = None) -> LlmgateError:
    """Refuse by name what a later version will deliver."""
    return problem("not-available", f"not available yet: {what}", where)


def nearest(word: str, known: Iterable[str]) -> str:
    """A "did you mean" hint for an unknown word, or the list of the known ones."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
