"""Functions as models: what they may be, what they may return, and how they may fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.providers.python import PythonProvider, build


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., PythonProvider]:
    """Writes a module and builds the provider of one of its functions."""

    def make(code: str, name: str = "reply") -> PythonProvider:
        (tmp_path / "models.py").write_text(code)
        plan = ModelPlan(alias="p", provider="python", model=f"models.py:{name}", where=Where("s.suite.yaml", 3))
        return build(plan, SuiteFiles(tmp_path, tmp_path), {})

    return make


def both(provider: PythonProvider, request: Request) -> list[Reply]:
    """The reply in an event loop and in a plain thread: they must not differ."""
    return [asyncio.run(provider.complete(request)), provider.complete_now(request)]


SYNC = "def reply(request): return f'{request.prompt}/{request.seed}/{request.vars[\"q\"]}'"
ASYNC = "import asyncio\nasync def reply(request):\n    await asyncio.sleep(0)\n    return 'later'"
OBJECT = "class Bot:\n    async def __call__(self, request): return 'object'\nreply = Bot()"
HANDED = "async def inner(): return 'handed'\ndef reply(request): return inner()"


@pytest.mark.parametrize(
    ("code", "text", "blocking"),
    [(SYNC, "hi/7/v", True), (ASYNC, "later", False), (OBJECT, "object", False), (HANDED, "handed", True)],
)
def test_sync_and_async_functions(model: Any, ask: Any, code: str, text: str, blocking: bool) -> None:
    provider = model(code)
    replies = both(provider, ask("hi", seed=7, vars={"q": "v"}))
    assert [reply.text for reply in replies] == [text, text]
    assert all(reply.latency_ms is not None and reply.latency_ms >= 0 for reply in replies)
    assert provider.blocking is blocking


def test_objects_and_replies_are_converted(model: Any, ask: Any) -> None:
    assert both(model("def reply(request): return {'a': 1}"), ask())[0].data == {"a": 1}


def test_a_latency_of_the_functions_own_is_kept(model: Any, ask: Any) -> None:
    code = "from pytest_llmgate import Reply\ndef reply(request): return Reply('x', latency_ms=123.0)"
    assert [reply.latency_ms for reply in both(model(code), ask())] == [123.0, 123.0]


def test_a_sync_function_does_not_hold_up_the_loop(model: Any, ask: Any) -> None:
    provider = model("import threading\ndef reply(request): return threading.current_thread().name")
    assert asyncio.run(provider.complete(ask())).text != threading.current_thread().name


@pytest.mark.parametrize("prefix", ["", "async "])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('bad\\ninput ' + 'x' * 999)", "raised ValueError: bad input xx"),
        ("raise SystemExit(3)", "raised SystemExit: 3"),
        ("raise StopIteration", "raised "),
        ("raise Hostile", "raised Hostile: (its message cannot be read)"),
        ("return None", "None is not a reply; accepted are str"),
        ("return 42", "a value of type int is not a reply"),
        ("return b'bytes'", "a value of type bytes is not a reply"),
        ("return 'x' * 10_000_000", "larger than 8 MiB"),
        ("from pytest_llmgate import Reply; return Reply(7)", "Reply.text is a value of type int"),
    ],
)
def test_faults_and_junk_are_provider_errors(model: Any, ask: Any, prefix: str, body: str, words: str) -> None:
    hostile = "class Hostile(Exception):\n    def __str__(self): raise RuntimeError\n"
    provider = model(f"{hostile}{prefix}def reply(request): {body}")
    for ways in (lambda: asyncio.run(provider.complete(ask())), lambda: provider.complete_now(ask())):
        with pytest.raises(ProviderError) as caught:
            ways()
        assert words in caught.value.message
        assert "models.py:reply" in caught.value.message
        assert "\n" not in caught.value.message and len(caught.value.message) < 400
        assert not caught.value.retryable


def test_a_provider_error_of_the_functions_own_passes(model: Any, ask: Any) -> None:
    code = (
        "from pytest_llmgate.core.ports import ProviderError\n"
        "def reply(request): raise ProviderError('busy', retryable=True, retry_after_s=2)"
    )
    with pytest.raises(ProviderError) as caught:
        model(code).complete_now(ask())
    assert (caught.value.message, caught.value.retryable, caught.value.retry_after_s) == ("busy", True, 2)


@pytest.mark.parametrize(
    ("code", "name", "found"),
    [
        ("reply = 3", "reply", "target-not-callable"),
        ("def reply(): return 'x'", "reply", "target-signature"),
        ("def reply(a, b): return 'x'", "reply", "target-signature"),
        ("def other(request): return 'x'", "reply", "target-missing"),
        ("1/0", "reply", "target-import"),
    ],
)
def test_a_target_that_cannot_be_called_is_refused(model: Any, code: str, name: str, found: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        model(code, name)
    [told] = caught.value.problems
    assert told.code == found
    assert str(told).startswith("s.suite.yaml:3: ")
