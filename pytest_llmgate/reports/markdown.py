"""The report `markdown`: the text of a comment on a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.reports.sheet import markdown

COMMENT = 60_000  # bytes; GitHub takes 65,536 characters


class MarkdownReport:
    """`comment.md`, for whatever posts it."""

    def active(self, environ: Mapping[str, str]) -> bool:
        return False

    def render(self, result: Mapping[str, Any], view: RunView) -> Rendered:
        return Rendered(files={"comment.md": markdown(result, view, COMMENT)})
