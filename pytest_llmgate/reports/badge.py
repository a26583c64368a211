"""The report `badge`: the verdict as a small picture that needs no network and no font of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.rendered import Rendered, RunView

_COLOURS = {"pass": "#1a7f37", "fail": "#cf222e", "error": "#a40e26", "inconclusive": "#9a6700"}
_LABEL, _LETTER, _PAD = "llmgate", 7, 10  # units of the drawing; letters at 11 px are about 7 wide

_BADGE = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{said}">
<title>{said}</title>
<rect width="{width}" height="20" rx="3" fill="#24292f"/>
<path d="M{left} 0h{inner}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z" fill="{colour}"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{label_at}" y="14">{label}</text>
<text x="{verdict_at}" y="14">{verdict}</text>
</g>
</svg>
"""


class BadgeReport:
    """`badge.svg`."""

    def active(self, environ: Mapping[str, str]) -> bool:
        return False

    def render(self, result: Mapping[str, Any], view: RunView) -> Rendered:
        return Rendered(files={"badge.svg": badge(str(result["verdict"]))})


def badge(verdict: str) -> str:
    """The picture of a verdict, one of the four."""
    left, right = (len(text) * _LETTER + 2 * _PAD for text in (_LABEL, verdict))
    return _BADGE.format(
        width=left + right,
        left=left,
        inner=right - 3,
        colour=_COLOURS[verdict],
        said=f"{_LABEL}: {verdict}",
        label=_LABEL,
        verdict=verdict,
        label_at=left / 2,
        verdict_at=left + right / 2,
    )
