"""What a name in a suite stands for, and how a plugin adds one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.extensions.hookspecs import hookimpl
from pytest_llmgate.extensions.registry import Registry, create_registry

DELIVERED = [
    "equals", "contains", "icontains", "contains-any", "contains-all", "regex", "is-json", "min-length", "max-length",
    "python", "latency", "cost", "refusal", "finish-reason", "distribution", "equivalent", "success-probability",
    "expectation", "safety", "tool-called", "grounded", "contradiction", "hallucination",
    "llm-rubric", "g-eval", "factuality",
    "similar", "entailed", "moderation", "cost-regression",
]  # fmt: skip
FACTORY = SimpleNamespace(keys=frozenset(), rates=lambda params: (None, None), build=lambda *given: None)


class Plugin:
    """Registers what a test gives it."""

    def __init__(self, **names: Any) -> None:
        self.names = names

    @hookimpl
    def llmgate_register_assertions(self, register: Any) -> None:
        for name, target in self.names.items():
            register(name.replace("_", "-"), target)


def fresh(*plugins: object) -> Registry:
    return create_registry(plugins, entry_points=False)


def code_of(caught: pytest.ExceptionInfo[LlmgateError]) -> str:
    return caught.value.problems[0].code


def test_every_delivered_assertion_loads() -> None:
    registry = fresh()
    assert registry.assertions() == tuple(sorted(DELIVERED))
    assert all(hasattr(registry.assertion(name), "build") for name in DELIVERED)


@pytest.mark.parametrize("name", ["anthropic", "ollama"])
def test_providers_that_come_later_are_refused_by_name(name: str) -> None:
    with pytest.raises(LlmgateError, match=f"not available yet: provider '{name}'"):
        fresh().provider(name)


def test_an_unknown_name_gets_the_nearest_known_one() -> None:
    with pytest.raises(LlmgateError, match="did you mean 'contains'") as caught:
        fresh().assertion("contians", Where("a.suite.yaml", 3))
    assert code_of(caught) == "unknown-assertion"


def test_a_plugin_adds_a_type_by_object_and_by_class() -> None:
    class Factory:
        keys = frozenset({"value"})
        rates = build = None

    registry = fresh(Plugin(mine=FACTORY, other=Factory))
    assert registry.assertion("mine") is FACTORY
    assert registry.assertion("other").keys == {"value"}


def test_two_plugins_with_one_name_are_named_both() -> None:
    class Second(Plugin):
        pass

    with pytest.raises(LlmgateError, match=r"'mine' is registered by '.*Plugin' and by '.*Second'") as caught:
        fresh(Plugin(mine=FACTORY), Second(mine=FACTORY))
    assert code_of(caught) == "duplicate-extension"


def test_a_plugin_cannot_replace_a_built_in() -> None:
    with pytest.raises(LlmgateError, match=r"'equals' is registered by 'pytest-llmgate' and by '.*Plugin'"):
        fresh(Plugin(equals=FACTORY))


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ({"Upper": FACTORY}, "bad-extension-name"),
        ({"not_mine": FACTORY}, "bad-extension-name"),
        ({"mine": "no colon"}, "bad-extension-target"),
    ],
)
def test_malformed_registrations_are_refused(names: dict[str, Any], code: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        fresh(Plugin(**names))
    assert code_of(caught) == code


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("no_such_module_here:X", "extension-load"),
        ("json:no_such_name", "extension-load"),
        (object(), "extension-shape"),
    ],
)
def test_a_broken_target_is_an_error_at_first_use_only(target: object, code: str) -> None:
    registry = fresh(Plugin(mine=target))
    with pytest.raises(LlmgateError) as caught:
        registry.assertion("mine")
    assert code_of(caught) == code


def test_a_missing_package_names_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "voice_plugin.py").write_text("import a_package_that_is_not_installed\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    class Voice:
        @hookimpl
        def llmgate_register_providers(self, register: Any) -> None:
            register("voice", "voice_plugin:build", extra="my-plugin[voice]")

    with pytest.raises(LlmgateError, match=r'pip install "my-plugin\[voice\]"') as caught:
        fresh(Voice()).provider("voice")
    assert code_of(caught) == "missing-extra"


def test_a_plugin_with_an_unknown_hook_or_a_fault_is_named() -> None:
    class Misspelt:
        @hookimpl
        def llmgate_register_assertion(self, register: Any) -> None:
            raise AssertionError("never called")

    class Raises:
        @hookimpl
        def llmgate_register_providers(self, register: Any) -> None:
            raise KeyError("oops")

    for plugin, name in ((Misspelt(), "Misspelt"), (Raises(), "Raises")):
        with pytest.raises(LlmgateError, match=name) as caught:
            fresh(plugin)
        assert code_of(caught) == "bad-plugin"


def test_installed_packages_take_part_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "some_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[llmgate]\nsome = some_llmgate_plugin\n")
    (tmp_path / "some_llmgate_plugin.py").write_text(
        "from pytest_llmgate.extensions.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def llmgate_register_assertions(register):\n"
        "    register('some-check', 'some_llmgate_plugin:FACTORY')\n"
        "class FACTORY:\n"
        "    keys = frozenset(); rates = build = None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "some-check" in create_registry().assertions()
    assert "some-check" not in fresh().assertions()


def test_the_registry_imports_none_of_what_it_names() -> None:
    code = (
        "import sys; from pytest_llmgate.extensions.registry import create_registry; create_registry();"
        "print([m for m in sys.modules if m.partition('.')[0] in ('re2', 'jsonschema_rs', 'yaml', 'aiohttp', 'numpy')"
        " or m.startswith(('pytest_llmgate.detectors', 'pytest_llmgate.providers'))])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert said.stdout.strip() == "[]"


def test_every_report_of_ours_loads_and_a_plugin_adds_one() -> None:
    class Reports:
        @hookimpl
        def llmgate_register_reports(self, register: Any) -> None:
            register("mine", SimpleNamespace(active=None, render=None))
            register("broken", SimpleNamespace(active=None))

    registry = fresh(Reports())
    ours = {"badge", "github", "gitlab", "html", "markdown", "sarif"}
    assert ours <= set(registry.reports())
    assert all(callable(registry.report(name).render) for name in ours)
    assert registry.report("mine").render is None
    with pytest.raises(LlmgateError, match="the object registered as report 'broken' has no render"):
        registry.report("broken")
    with pytest.raises(LlmgateError, match="did you mean 'sarif'") as caught:
        registry.report("sarfi")
    assert code_of(caught) == "unknown-report"
