"""The report `github`: the summary of a step, and annotations at the lines of the suites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.reports.escape import clipped, harmless
from pytest_llmgate.reports.findings import Finding, findings, placed
from pytest_llmgate.reports.sheet import markdown

SUMMARY = 900 * 1024  # bytes of all that a step says; beyond 1024 KiB GitHub shows nothing of it
ANNOTATIONS = 10  # GitHub shows no more of a kind
_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
_TEXT = 1000  # characters of a message
_LEAST = 2000  # bytes, enough for the verdict


class GithubReport:
    """`summary.md`, which is also appended to the step's summary, and workflow commands for the worst findings."""

    def active(self, environ: Mapping[str, str]) -> bool:
        return bool(environ.get("GITHUB_ACTIONS") or environ.get(_SUMMARY_VARIABLE))

    def render(self, result: Mapping[str, Any], view: RunView) -> Rendered:
        path = view.environ.get(_SUMMARY_VARIABLE, "")
        text = markdown(result, view, max(SUMMARY - _said_before(path), _LEAST))
        appended = {path: f"{text}\n"} if path else {}
        lines = _annotations(findings(result), view) if view.environ.get("GITHUB_ACTIONS") else ()
        return Rendered(files={"summary.md": text}, appended=appended, lines=tuple(lines))


def _said_before(path: str) -> int:
    """Bytes that the step's summary has already."""
    try:
        return Path(path).stat().st_size if path else 0
    except OSError:
        return 0


def _annotations(found: Sequence[Finding], view: RunView) -> Iterator[str]:
    for one in found[:ANNOTATIONS]:
        kind = "error" if one.blocking else "warning"
        place = f"file={_property(placed(one.file, view, 'GITHUB_WORKSPACE'))},line={one.line}," if one.file else ""
        title = _property(clipped(f"llmgate {one.verdict}: {one.gate}", 200))
        yield f"::{kind} {place}title={title}::{_data(f'{one.test}: {one.text}')}"
    if len(found) > ANNOTATIONS:
        yield f"llmgate: {len(found) - ANNOTATIONS} more in report.html"


def _data(text: str) -> str:
    return clipped(harmless(text), _TEXT).replace("%", "%25")


def _property(text: str) -> str:
    return harmless(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
