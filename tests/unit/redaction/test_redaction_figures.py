"""Recall and false positives on a public set of marked texts, where it lies beside the repository."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.redaction.redactor import Redactor

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "hallucination"
STRUCTURED = {"CREDIT_CARD", "PHONE_NUMBER", "EMAIL_ADDRESS", "US_SSN", "IBAN_CODE", "IP_ADDRESS"}


def rows(name: str) -> list[dict[str, Any]]:
    path = DATA / f"{name}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{name} is not here")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_structured_passages_are_found_and_little_else() -> None:
    redactor, wanted, missed, found, mistaken = Redactor(), 0, [], 0, []
    for row in rows("presidio_synth"):
        text = row["response"]
        cleaned, redactions = redactor.redact(text)
        passages = [text[span["start"] : span["end"]] for span in row["spans"] if span["label"] in STRUCTURED]
        wanted += len(passages)
        missed += [passage for passage in passages if passage in cleaned]
        found += len(redactions)
        mistaken += [text] * max(0, len(redactions) - len(passages))
    assert wanted > 200
    assert len(missed) <= 0.03 * wanted, missed[:10]
    assert len(mistaken) <= 0.01 * found, mistaken[:10]


def test_pages_of_the_web_keep_their_numbers() -> None:
    """Four megabytes of articles: what is replaced are addresses and numbers of telephones that stand in them."""
    redactor, kinds = Redactor(), set()
    for row in rows("wice"):
        kinds |= {item.kind for item in redactor.redact(row["source"])[1]}
    assert kinds <= {"email", "phone"}
