"""An assertion type of one's own: what a third party writes, from `conftest.py` to the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.detectors.negated import negate
from pytest_llmgate.extensions.hookspecs import hookimpl
from pytest_llmgate.extensions.registry import Registry, create_registry

# ---- the whole of an extension package


class Politeness:
    """The assertion type `polite`: good where the reply says one of the `words`."""

    keys = frozenset({"words"})

    def rates(self, params: Mapping[str, Any]) -> tuple[float | None, float | None]:
        return 0.9, 0.8

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Polite:
        words = params.get("words", ["please", "thank you"])
        if not isinstance(words, list) or not words:
            raise problem("bad-parameter", "words: a list of words is wanted", where)
        return Polite(words)


class Polite:
    def __init__(self, words: list[str]) -> None:
        self.words = words

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return Measurement(None, None, "there is no reply")
        found = [word for word in self.words if word in seen.reply.text.lower()]
        return Measurement(bool(found), float(len(found)), "" if found else "no kind word in it")


class Echo:
    """The provider `echo`: says what it was asked."""

    live = False

    async def complete(self, request: Request) -> Reply:
        if not request.prompt:
            raise ProviderError("nothing was asked")
        return Reply(f"{request.prompt}, please", latency_ms=0.1)

    async def close(self) -> None: ...


def build_echo(model: ModelPlan, files: SuiteFiles, env: Mapping[str, str]) -> Echo:
    return Echo()


class Package:
    """The module that its entry point, or a `conftest.py`, names."""

    @hookimpl
    def llmgate_register_assertions(self, register: Any) -> None:
        register("polite", Politeness)

    @hookimpl
    def llmgate_register_providers(self, register: Any) -> None:
        register("echo", build_echo)


# ---- what it must keep to


@pytest.fixture
def registry() -> Registry:
    return create_registry([Package()], entry_points=False)


def test_it_stands_beside_the_built_in_ones(registry: Registry) -> None:
    assert {"polite", "contains"} <= set(registry.assertions())
    assert {"echo", "python"} <= set(registry.providers())


def test_it_measures_and_its_negation_comes_for_free(registry: Registry, tmp_path: Path) -> None:
    measure = registry.assertion("polite").build({}, SuiteFiles(tmp_path, tmp_path), None)
    case = Case(id="c")
    kind, curt, none = Observation(Reply("Please wait")), Observation(Reply("Wait.")), Observation(None)
    assert [measure.measure(case, seen).good for seen in (kind, curt, none)] == [True, False, None]
    assert [negate(measure).measure(case, seen).good for seen in (kind, curt, none)] == [False, True, None]


def test_it_is_pure(registry: Registry, tmp_path: Path) -> None:
    """A recorded run is judged again without asking again, so the same reply always measures the same."""
    factory, files = registry.assertion("polite"), SuiteFiles(tmp_path, tmp_path)
    one, other = factory.build({}, files, None), factory.build({}, files, None)
    seen = Observation(Reply("thank you"))
    assert one.measure(Case(id="a"), seen) == one.measure(Case(id="a"), seen) == other.measure(Case(id="b"), seen)


def test_its_mistakes_have_a_place(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(LlmgateError, match=r"a\.suite\.yaml:9: words: a list"):
        registry.assertion("polite").build({"words": 3}, SuiteFiles(tmp_path, tmp_path), Where("a.suite.yaml", 9))


def test_a_provider_answers_or_raises_its_own_error(registry: Registry, tmp_path: Path) -> None:
    model = ModelPlan(alias="e", provider="echo", model="echo-1")
    provider = registry.provider("echo")(model, SuiteFiles(tmp_path, tmp_path), {})
    asked = Request(model="echo-1", messages=({"role": "user", "content": "hello"},))
    assert asyncio.run(provider.complete(asked)).text == "hello, please"
    with pytest.raises(ProviderError, match="nothing was asked"):
        asyncio.run(provider.complete(Request(model="echo-1", messages=())))


def test_what_is_no_factory_is_told_so() -> None:
    package = SimpleNamespace(
        llmgate_register_assertions=hookimpl(lambda register: register("half", SimpleNamespace(keys=frozenset())))
    )
    with pytest.raises(LlmgateError, match="has no rates, build"):
        create_registry([package], entry_points=False).assertion("half")


# ---- the same through pytest

CONFTEST = """
from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.extensions.hookspecs import hookimpl

class Polite:
    keys = frozenset()
    def rates(self, params): return 0.9, 0.7
    def build(self, params, files, where): return self
    def measure(self, case, seen):
        return Measurement("please" in seen.reply.text if seen.reply else None)

class Echo:
    live = False
    async def complete(self, request): return Reply(request.prompt + ", please")
    async def close(self): pass

@hookimpl
def llmgate_register_assertions(register): register("polite", Polite)

@hookimpl
def llmgate_register_providers(register): register("echo", lambda model, files, env: Echo())
"""
SUITE = """
suite: echo
models: {e: {provider: echo, model: echo-1}}
tests:
  - {id: kind, model: e, prompt: {text: hello}, assert: [{type: polite}]}
  - {id: curt, model: e, prompt: {text: hello}, assert: [{type: not-polite}]}
"""


def test_an_extension_in_conftest_decides_gates(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    (pytester.path / "echo.suite.yaml").write_text(SUITE)
    done = pytester.runpytest_subprocess("--llm-suite", "echo.suite.yaml", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*13 of 13: at or below 70 % is ruled out*"])
