"""Templates, style and script of the page, and the policy that allows these and nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from pytest_llmgate.reports.escape import visible

_TEMPLATES = ("page.html.j2", "test.html.j2", "circuits.html.j2", "parts.html.j2")


class Paper:
    """What every page of a report is written on."""

    def __init__(self) -> None:
        self._templates, self._style, self._script = _read()
        self._test = self._templates.get_template("test.html.j2")

    def page(self, facts: Mapping[str, Any]) -> str:
        """A whole page."""
        policy = (
            f"default-src 'none'; style-src '{_digest(self._style)}'; script-src '{_digest(self._script)}'; "
            "base-uri 'none'; form-action 'none'"
        )
        own = {"style": Markup(self._style), "script": Markup(self._script), "policy": Markup(policy)}  # noqa: S704
        return self._templates.get_template("page.html.j2").render(facts, **own)

    def test(self, facts: Mapping[str, Any]) -> Markup:
        """The section of one test."""
        return Markup(self._test.render(facts))  # noqa: S704  # rendered with autoescape


@cache
def _read() -> tuple[Environment, str, str]:
    """The templates, compiled once a process, with style and script."""
    folder = files("pytest_llmgate.reports") / "templates"
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in (*_TEMPLATES, "report.css", "report.js")}
    style, script = (texts.pop(name).strip() for name in ("report.css", "report.js"))
    templates = Environment(
        loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.finalize = _shown
    return templates, style, script


def _shown(value: Any) -> Any:
    """What is printed, with hidden characters made visible; `Markup` of our own stays what it is."""
    return visible(value, keep="\n\t") if type(value) is str else value


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}"
