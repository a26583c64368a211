"""Adapters: one function for each kind of weights.

Nothing is downloaded, and no code in a model's folder is run unasked. What they import is heavy and optional, so it is
imported where weights are opened.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmgate.detectors.nli.support import (
    BySentence,
    Misread,
    Reader,
    Unsupported,
    class_of_support,
    probability,
)

MOST_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Weights:
    """A folder with a model. support_label: the class that means support. trust_code: run the folder's own Python."""

    folder: Path
    support_label: str | int | None = None
    trust_code: bool = False


def open_transformers(weights: Weights) -> Reader:
    """A cross-encoder for sequence classification, of any architecture that transformers knows."""
    offline()
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(weights.folder, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(weights.folder, local_files_only=True)
    labels = [str(model.config.id2label[number]) for number in range(model.config.num_labels)]
    wanted = class_of_support(labels, weights.support_label)

    def logits(premise: str, claim: str) -> Sequence[float]:
        asked = tokenizer(premise, claim, truncation="only_first", max_length=MOST_TOKENS, return_tensors="pt")
        return _floats(_run(model, asked).logits[0])

    return BySentence(_Logits(logits, wanted))


def open_onnx(weights: Weights) -> Reader:
    """The same, exported: `model.onnx`, `tokenizer.json`, `config.json`; no torch."""
    import numpy as np
    from onnxruntime import InferenceSession, SessionOptions
    from tokenizers import Tokenizer

    options = SessionOptions()
    options.intra_op_num_threads = 1  # trials run side by side already
    session = InferenceSession(str(weights.folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(weights.folder / "tokenizer.json"))
    tokenizer.enable_truncation(MOST_TOKENS, strategy="only_first")
    tokenizer.no_padding()
    wanted = class_of_support(_labels(weights.folder), weights.support_label)
    names = {item.name for item in session.get_inputs()}

    def logits(premise: str, claim: str) -> Sequence[float]:
        asked = tokenizer.encode(premise, claim)
        given = {"input_ids": asked.ids, "attention_mask": asked.attention_mask, "token_type_ids": asked.type_ids}
        feed = {name: np.asarray([numbers], dtype=np.int64) for name, numbers in given.items() if name in names}
        return _floats(session.run(None, feed)[0][0])

    return BySentence(_Logits(logits, wanted))


def open_minicheck(weights: Weights) -> Reader:
    """MiniCheck-Flan-T5 (Tang and others, 2024): its first token is 1 for a claim that is supported, 0 for another."""
    offline()
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    model = AutoModelForSeq2SeqLM.from_pretrained(weights.folder, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(weights.folder, local_files_only=True)
    no, yes = (tokenizer(digit, add_special_tokens=False)["input_ids"][0] for digit in "01")
    first = torch.tensor([[model.config.decoder_start_token_id or 0]])

    def logits(premise: str, claim: str) -> Sequence[float]:
        text = f"predict: {premise}{tokenizer.eos_token}{claim}"
        asked = tokenizer(text, truncation=True, max_length=4 * MOST_TOKENS, return_tensors="pt")
        made = _run(model, {**asked, "decoder_input_ids": first}).logits[0, 0]
        return [float(made[no]), float(made[yes])]

    return BySentence(_Logits(logits, 1))


def open_hhem(weights: Weights) -> Reader:
    """HHEM-2.1-Open, which brings its own Python; its `predict` takes pairs. Raises Misread unless that is trusted."""
    if not weights.trust_code:
        raise Misread("HHEM runs Python code of its folder; read it, and then write trust_code: true")
    offline()
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(
        weights.folder, local_files_only=True, trust_remote_code=True
    ).eval()
    return BySentence(Predicts(model.predict))


def open_lettucedetect(weights: Weights) -> Reader:
    """LettuceDetect by its own package, which marks passages of the whole reply."""
    offline()
    from lettucedetect.models.inference import HallucinationDetector

    return Marks(HallucinationDetector(method="transformer", model_path=str(weights.folder)))


@dataclass(frozen=True, slots=True)
class _Logits:
    """A model that gives logits. wanted: the class that means support."""

    logits: Callable[[str, str], Sequence[float]]
    wanted: int

    def support(self, premise: str, claim: str) -> float:
        return probability(self.logits(premise, claim), self.wanted)


@dataclass(frozen=True, slots=True)
class Predicts:
    """A model whose `predict` takes pairs and gives one probability of support each."""

    predict: Callable[[list[tuple[str, str]]], Any]

    def support(self, premise: str, claim: str) -> float:
        found = float(self.predict([(premise, claim)])[0])
        if not 0.0 <= found <= 1.0:
            raise Misread(f"the model said {found}, which is no probability")
        return found


@dataclass(frozen=True, slots=True)
class Marks:
    """A detector that marks unsupported passages, each with its confidence."""

    detector: Any

    def worst(self, sources: Sequence[str], reply: str) -> Unsupported | None:
        if not reply.strip():
            return None
        marks = self.detector.predict(context=list(sources), question=None, answer=reply, output_format="spans")
        found = [Unsupported(int(mark["start"]), int(mark["end"]), float(mark["confidence"])) for mark in marks]
        return max(found, key=lambda mark: mark.risk, default=Unsupported(0, len(reply), 0.0))


def offline() -> None:
    """Keep the Hugging Face libraries from asking anybody, whatever a model's files say."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def _run(model: Any, asked: Mapping[str, Any]) -> Any:
    import torch

    with torch.inference_mode():
        return model(**asked)


def _floats(logits: Any) -> list[float]:
    return [float(logit) for logit in logits]


def _labels(folder: Path) -> list[str]:
    """Names of the classes that `config.json` gives, in order."""
    try:
        named = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("id2label") or {}
        return [str(named[str(number)]) for number in range(len(named))] or ["LABEL_0"]
    except (json.JSONDecodeError, KeyError, AttributeError) as fault:
        raise Misread(f"config.json names no classes: {fault}") from None
