"""`entailed`: every sentence of the reply follows from its sources, as a local model says."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation, Span
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import bad_parameter, hole, no_rates, shown
from pytest_llmgate.detectors.grounding.sources import Sources, sources_from
from pytest_llmgate.detectors.nli import readers
from pytest_llmgate.detectors.nli.readers import Weights
from pytest_llmgate.detectors.nli.support import Misread, Reader
from pytest_llmgate.detectors.values import Unusable

LONGEST = 20_000
"""Characters of a reply that are still judged."""


class Kind(NamedTuple):
    """A kind of weights. needs: modules that must be there. install: brings them."""

    open: Callable[[Weights], Reader]
    needs: tuple[str, ...]
    install: str


_TORCH = ("torch", "transformers")
KINDS: Mapping[str, Kind] = {
    "nli": Kind(readers.open_transformers, _TORCH, "pytest-llmgate[nli]"),
    "onnx": Kind(readers.open_onnx, ("onnxruntime", "tokenizers"), "pytest-llmgate[nli]"),
    "minicheck": Kind(readers.open_minicheck, _TORCH, "pytest-llmgate[nli]"),
    "hhem": Kind(readers.open_hhem, _TORCH, "pytest-llmgate[nli]"),
    "lettucedetect": Kind(readers.open_lettucedetect, ("lettucedetect",), "lettucedetect"),
}


@dataclass(frozen=True, slots=True)
class EntailedMeasure:
    """sources: what the reply must follow from. reader: opens the model, once. max_risk: from which a reply is bad."""

    sources: Sources
    reader: Callable[[], Reader]
    max_risk: float

    def undefined(self, case: Case) -> list[str]:
        """Why this case cannot be measured, as clauses; empty where it can."""
        return self.sources.undefined(case)

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return hole(seen)
        try:
            return self._judge([text for _, text in self.sources.of(case, seen.reply)], seen.reply)
        except Unusable as fault:
            return Measurement(None, None, str(fault))

    def _judge(self, sources: list[str], reply: Reply) -> Measurement:
        if not any(text.strip() for text in sources):
            return Measurement(None, None, "there is no source to compare with")
        if len(reply.text) > LONGEST:
            return Measurement(None, None, f"a reply of more than {LONGEST} characters is not judged")
        worst = self.reader().worst(sources, reply.text)
        if worst is None:
            return Measurement(None, None, "the reply says nothing")
        risk = min(1.0, max(0.0, worst.risk))
        if risk < self.max_risk:
            return Measurement(True, risk, f"risk {risk:.2f}, below {self.max_risk:g}")
        said = shown(reply.text[worst.start : worst.end], 120)
        reason = f"risk {risk:.2f}, limit {self.max_risk:g}: {said} does not follow from the source"
        span = Span(worst.start, worst.end, reply.text[worst.start : worst.end], "unsupported")
        return Measurement(False, risk, reason, spans=(span,) if worst.end > worst.start else ())


class EntailedAssertion:
    """The assertion type `entailed`."""

    keys = frozenset({"weights", "weights_env", "reader", "sources", "max_risk", "support_label", "trust_code"})

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for parameters that make no sense and for packages that are missing."""
        name = params.get("reader", "nli")
        if name not in KINDS:
            raise bad_parameter("reader", f"{shown(name)} is none of {', '.join(KINDS)}", where)
        kind, weights = KINDS[name], _weights(params, files, where)
        lacking = [module for module in kind.needs if find_spec(module) is None]
        if lacking:
            message = f"the reader {name!r} needs {' and '.join(lacking)}, which is not installed"
            raise problem("missing-extra", message, where, f'pip install "{kind.install}"')

        @lru_cache(maxsize=1)
        def reader() -> Reader:
            return _opened(kind, weights, where)

        return EntailedMeasure(
            sources_from(params.get("sources", "context"), files, where), reader, _risk(params, where)
        )


def _opened(kind: Kind, weights: Weights, where: Where | None) -> Reader:
    """The model; whatever its files do to the libraries that read them is one problem."""
    try:
        return kind.open(weights)
    except LlmgateError:
        raise
    except Exception as fault:
        why = str(fault) if isinstance(fault, Misread) else f"{type(fault).__name__}: {fault}"
        hint = "name a folder with all files of the model; nothing is downloaded"
        raise problem("weights-damaged", f"the weights cannot be used: {why[:300]}", where, hint) from None


def _weights(params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Weights:
    label, trusted = params.get("support_label"), params.get("trust_code", False)
    if not isinstance(trusted, bool):
        raise bad_parameter("trust_code", f"{shown(trusted)} is not true or false", where)
    if label is not None and (isinstance(label, bool) or not isinstance(label, (str, int))):
        raise bad_parameter("support_label", f"{shown(label)} is no name or number of a class", where)
    return Weights(_folder(params, files, where), label, trusted)


def _folder(params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Path:
    """The folder under the root that `weights` names, or any folder that the variable `weights_env` names."""
    name, variable = params.get("weights"), params.get("weights_env")
    if (name is None) == (variable is None):
        hint = "write weights: FOLDER, or weights_env: VARIABLE for one outside the root"
        raise problem("missing-parameter", "one of 'weights' and 'weights_env' says where the model lies", where, hint)
    if name is not None:
        return files.resolve(f"{name}/config.json", where).parent
    folder = Path(os.environ.get(str(variable), ""))
    if not (folder / "config.json").is_file():
        message = f"the variable {variable!r} names no folder with a config.json"
        raise problem("bad-parameter", f"weights_env: {message}", where, f"export {variable}=/path/to/the/model")
    return folder


def _risk(params: Mapping[str, Any], where: Where | None) -> float:
    raw = params.get("max_risk", 0.5)
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not 0.0 < raw <= 1.0:
        raise bad_parameter("max_risk", f"{shown(raw)} is no risk above 0 and up to 1", where)
    return float(raw)


ENTAILED = EntailedAssertion()
