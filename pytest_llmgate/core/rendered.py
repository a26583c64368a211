"""What a renderer of reports is given beside the result, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A finished run, as a renderer may look at it.

    folder: the run's directory. root: what paths in the result start from. environ: the environment of the run.
    said: the redacted text of a reply's digest, None where there is none; transcript: the same with what was written
    beside it. evidence: what the recorded trials show beside the verdicts of a result, for the page. trials: the rows
    of `trials.jsonl`, read anew at each call. plans: the rows of `plan.json`. unsettled: hardware jobs of runs that are
    over which nobody accounted for, by what their budget is of.
    """

    folder: Path
    root: Path
    environ: Mapping[str, str]
    said: Callable[[str], str | None]
    trials: Callable[[], Iterator[Mapping[str, Any]]]
    transcript: Callable[[str], Mapping[str, Any] | None] = lambda digest: None
    evidence: Callable[[Mapping[str, Any]], object] = lambda result: None
    plans: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    unsettled: Callable[[], Mapping[str, int]] = dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a renderer wants written; it writes nothing itself.

    files: text by name in the run's directory, `a.json` or `folder/a.json`. appended: text by path, for files to which
    other steps of a job append as well. lines: printed at the end of the run, one line each.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    appended: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
