"""The reference names everything that there is: a new key, option, marker or command needs its line of docs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields

import pytest

from pytest_llmgate.cli.commands import cli
from pytest_llmgate.core.markers import MARKERS
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.core.verdict import GateVerdict, TestVerdict
from pytest_llmgate.extensions.builtin import PENDING_PROVIDERS, SIMULATORS
from pytest_llmgate.extensions.registry import create_registry
from pytest_llmgate.quantum.assertions import DISTRIBUTION, EQUIVALENT, EXPECTATION, SUCCESS_PROBABILITY
from pytest_llmgate.quantum.parametric import PARAMETERS
from pytest_llmgate.suites import keys

from .pages import DOCS


def _unnamed(page: str, words: Iterable[str]) -> list[str]:
    text = (DOCS / "reference" / page).read_text(encoding="utf-8")
    return [word for word in words if f"`{word}" not in text]


@pytest.mark.parametrize(
    "table", ["SUITE_KEYS", "TEST_KEYS", "DEFAULT_KEYS", "GATE_KEYS", "QUARANTINE_KEYS", "MODEL_KEYS", "CASE_KEYS"]
)
def test_every_key_of_a_suite_file_is_described(table: str) -> None:
    assert not _unnamed("suite-file.md", getattr(keys, table))


@pytest.mark.parametrize("table", ["BACKEND_KEYS", "HARDWARE_BUDGET_KEYS"])
def test_every_key_of_a_backend_is_described(table: str) -> None:
    text = (DOCS / "reference/backends.md").read_text(encoding="utf-8")
    assert not [key for key in getattr(keys, table) if key not in text]


def test_every_parameter_of_noise_and_every_provider_of_shots_is_described() -> None:
    assert not _unnamed("backends.md", [*PARAMETERS, *SIMULATORS, *create_registry(entry_points=False).backends()])


def test_every_parameter_of_an_assertion_on_circuits_is_described() -> None:
    kinds = (DISTRIBUTION, SUCCESS_PROBABILITY, EXPECTATION, EQUIVALENT)
    assert not _unnamed("assertions.md", sorted({key for kind in kinds for key in kind.keys}))


def test_every_option_is_described(pytestconfig: pytest.Config) -> None:
    names = [name for name in vars(pytestconfig.option) if name.startswith("llm_")]
    assert "llm_suite" in names
    assert not _unnamed("command-line.md", ["--" + name.replace("_", "-") for name in names])


def test_every_command_is_described() -> None:
    assert not _unnamed("command-line.md", [f"llmgate {name}" for name in cli.commands])


def test_every_marker_is_described() -> None:
    assert not _unnamed("markers.md", MARKERS)


def test_every_assertion_and_provider_is_described() -> None:
    registry = create_registry(entry_points=False)
    assert not _unnamed("assertions.md", registry.assertions())
    assert not _unnamed("providers.md", [*registry.providers(), *PENDING_PROVIDERS])


def test_every_key_of_a_verdict_is_described() -> None:
    hidden = {"order", "blocking"}
    names = {field.name for kind in (GateVerdict, TestVerdict) for field in fields(kind)} - hidden
    assert not _unnamed("results.md", sorted(names))


def test_every_option_of_pyproject_is_described() -> None:
    names = {field.name for field in fields(Settings)} - {"root", "profile", "workers", "worker"}
    assert not _unnamed("configuration.md", sorted(names))


def test_the_schema_for_editors_is_json() -> None:
    from pytest_llmgate.session.results import suite_schema

    assert json.loads(json.dumps(suite_schema()))["type"] == "object"
