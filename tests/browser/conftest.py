"""A real browser for the page: Chromium as it is installed, driven by Playwright, judged by axe-core."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def executable() -> str | None:
    """The browser: `LLMGATE_BROWSER`, or the first that is installed."""
    named = os.environ.get("LLMGATE_BROWSER")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")  # no longer: while Playwright is up, its event loop keeps others from being run
def browser() -> Iterator[Any]:
    path, required = executable(), os.environ.get("LLMGATE_BROWSER_TESTS") == "required"
    if path is None:
        if required:
            pytest.fail("no browser is installed, and these tests must run: apt-get install chromium")
        pytest.skip("no browser is installed: apt-get install chromium, or name one in LLMGATE_BROWSER")
    if required and find_spec("playwright") is None:
        pytest.fail("Playwright is not installed, and these tests must run: pip install '.[dev]'")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install '.[dev]'")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=QUIET)
        yield opened
        opened.close()


class Shown:
    """A page in the browser, with everything it did."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.console: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda fault: self.console.append(str(fault)))
        page.on("dialog", lambda dialog: (self.console.append(f"dialog {dialog.message}"), dialog.dismiss()))

    def open(self, path: Path) -> Shown:
        self.page.goto(path.as_uri())
        return self

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Shown]]:
    """Opens the text of a page; options are those of a browser context."""
    contexts = []

    def opened(text: str, **options: Any) -> Shown:
        path = tmp_path / "report.html"
        path.write_bytes(text.encode("utf-8", "backslashreplace"))
        contexts.append(browser.new_context(**options))
        return Shown(contexts[-1].new_page()).open(path)

    yield opened
    for context in contexts:
        context.close()
