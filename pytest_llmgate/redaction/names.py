"""Finds names of people by Presidio, where a project asks for it: `names = true` and the extra `[pii]`.

Patterns find no names; a model of the language does, at a hundred times the cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from pytest_llmgate.core.errors import problem
from pytest_llmgate.redaction.finds import COVER, NAME, Find

MODEL = "en_core_web_sm"
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
        engine = import_module("presidio_analyzer")
        nlp = import_module("presidio_analyzer.nlp_engine").NlpEngineProvider(
            nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": MODEL}]}
        )
        registry = engine.RecognizerRegistry()
        registry.add_recognizer(import_module("presidio_analyzer.predefined_recognizers").SpacyRecognizer())
        return engine.AnalyzerEngine(registry=registry, nlp_engine=nlp.create_engine(), supported_languages=["en"])
    except (ImportError, OSError, SystemExit) as fault:  # spaCy's downloader exits where there is no network
        hint = f"pip install 'pytest-llmgate[pii]' and spaCy's {MODEL}, or delete `names = true`"
        why = f"finding names needs Presidio and spaCy: {type(fault).__name__}: {fault}"
        raise problem("missing-extra", why, None, hint) from None
