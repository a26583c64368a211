"""The pytest plugin's entry point: options and markers, and nothing heavy.

All that gates lives in `gate.py` and is imported by `--llm-suite` alone; a plain `pytest` pays for this file only.
"""

from __future__ import annotations

import pytest

from pytest_llmgate.core.markers import MARKERS
from pytest_llmgate.pytest_plugin.fixtures import case, circuit_run, llm, mock_llm, render_prompt, trial
from pytest_llmgate.pytest_plugin.items import has_gate_marker

__all__ = ["case", "circuit_run", "llm", "mock_llm", "render_prompt", "trial"]

_CHOICES = {
    "--llm-record": (("live", "new", "replay", "all"), "live, new, replay or all (default: new; with CI set: replay)"),
    "--llm-baseline": (("check", "propose"), "check, or propose new baselines (default: check)"),
    "--llm-inconclusive": (("fail", "warn"), "what an inconclusive verdict does (default: fail)"),
}
_VALUES = {
    "--llm-results": ("DIR", str, "directory of this run's results (default: .llmgate/runs/<run id>)"),
    "--llm-seed": ("N", int, "root seed (default: the suite's, else 0)"),
    "--llm-trials": ("N", int, "ceiling of trials per test, over the suite's"),
    "--llm-concurrency": ("N", int, "trials in flight over the whole run (default: 16)"),
    "--llm-budget": ("USD", str, "hard cap of the run in USD (default: the suite's, else 1.00)"),
    "--llm-profile": ("NAME", str, "a profile of [tool.llmgate.profiles] in pyproject.toml"),
    "--llm-prices": ("FILE", str, "a price table (JSON) over the built-in one"),
}
_LISTS = {
    "--llm-model": ("ALIAS=TARGET", "send a model alias elsewhere (repeatable)"),
    "--llm-report": ("NAME", "write this report too, such as sarif (repeatable)"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the `--llm-` options."""
    group = parser.getgroup("llmgate", "pytest-llmgate: gates for prompts, models and functions")
    group.addoption("--llm-suite", action="store_true", help="run the gate: YAML suites and tests with gate markers")
    group.addoption("--llm-resume", action="store_true", help="go on with the newest interrupted run of the same plan")
    for name, (metavar, text) in _LISTS.items():
        group.addoption(name, action="append", metavar=metavar, help=text)
    for name, (metavar, kind, text) in _VALUES.items():
        group.addoption(name, metavar=metavar, type=kind, default=None, help=text)
    for name, (choices, text) in _CHOICES.items():
        group.addoption(name, choices=choices, default=None, help=text)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Before anything is read from the root: values of our options have no say in where it is."""
    names = {*_VALUES, *_LISTS, *_CHOICES}
    if not names.isdisjoint(args):
        from pytest_llmgate.pytest_plugin.root import keep_root

        keep_root(early_config, args, names)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers; load the gate where it is asked for."""
    for line in MARKERS.values():
        config.addinivalue_line("markers", line)
    if config.getoption("llm_suite"):
        from pytest_llmgate.pytest_plugin.gate import register

        register(config)
    else:
        config.pluginmanager.register(_SkipGated(), "llmgate-skip")


class _SkipGated:
    """Without `--llm-suite`: gated tests are skipped before their fixtures, so that nothing is ever spent."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        skip = pytest.mark.skip(reason="a gate: runs with --llm-suite")
        for item in items:
            if has_gate_marker(item):
                item.add_marker(skip, append=False)
