"""Fixtures. Light: what they need is imported when they are used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_llmgate.core.markers import CIRCUIT_MARKER
from pytest_llmgate.pytest_plugin.items import has_gate_marker

if TYPE_CHECKING:
    from pytest_llmgate.testing.plain import MockModels, PromptRenderer

_GATED = "the fixture {!r} belongs to tests with gate markers, such as pytest.mark.stochastic, run with --llm-suite"


PER_TRIAL = ("llm", "trial", "case")


class PerTrial:
    """What stands for `llm`, `trial` and `case` while an item is set up; a body gets each trial's own."""

    def __init__(self, name: str) -> None:
        self.name = name


def _per_trial(request: pytest.FixtureRequest) -> PerTrial:
    name = str(request.fixturename)
    if not has_gate_marker(request.node):
        pytest.fail(_GATED.format(name), pytrace=False)
    return PerTrial(name)


@pytest.fixture
def llm(request: pytest.FixtureRequest) -> PerTrial:
    """In a gated test: `llm("prompt name", **vars)` gives a Reply; in an async body, await it."""
    return _per_trial(request)


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> PerTrial:
    """In a gated test: the trial, with `seed`, `index`, `repeat`, `rng` and `record(...)`."""
    return _per_trial(request)


@pytest.fixture
def case(request: pytest.FixtureRequest) -> PerTrial:
    """In a gated test: the case, with `id`, `vars`, `context`, `expected`, `slice`."""
    return _per_trial(request)


class CircuitRunner:
    """What stands for `circuit_run` while an item is set up; the body gets one that runs under its marker."""


@pytest.fixture
def circuit_run(request: pytest.FixtureRequest) -> CircuitRunner:
    """In a test with `circuit_distribution`: `circuit_run(circuit, shots=1024)` gives counts under its noise."""
    if request.node.get_closest_marker(CIRCUIT_MARKER) is None:
        pytest.fail(_GATED.format("circuit_run").replace("stochastic", CIRCUIT_MARKER), pytrace=False)
    return CircuitRunner()


@pytest.fixture
def render_prompt(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> PromptRenderer:
    """`render_prompt("name", **vars)`: the text of a prompt of the module's suite; no network."""
    from pytest_llmgate.testing.plain import prompt_renderer

    marks = [mark.args[0] for mark in request.node.iter_markers("llm_suite") if mark.args]
    return prompt_renderer(pytestconfig.rootpath, marks[0] if marks else None, request.path.parent)


@pytest.fixture
def mock_llm() -> Iterator[MockModels]:
    """`mock_llm(replies=[…], errors=[…])`: a model that says what it is told; `.server()` serves it on loopback."""
    from pytest_llmgate.testing.plain import MockModels

    models = MockModels()
    yield models
    models.close()
