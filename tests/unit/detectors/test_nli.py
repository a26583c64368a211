"""`entailed`: models of support from the disk. The readers of transformers and ONNX run on tiny models made here, where
those packages are installed; LettuceDetect and HHEM are held to the shape of their interface by stubs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.grounding.sources import sources_from
from pytest_llmgate.detectors.nli import entailed, readers
from pytest_llmgate.detectors.nli.entailed import EntailedMeasure, Kind
from pytest_llmgate.detectors.nli.readers import Marks, Predicts, Weights
from pytest_llmgate.detectors.nli.support import (
    CHUNK_WORDS,
    BySentence,
    Misread,
    chunks_of,
    class_of_support,
    probability,
)

HANDBOOK = "Refunds arrive within 14 days. The office is in Berlin. We are closed on Sundays."
CASE = Case(id="c", context=HANDBOOK)

# ---- what a model's figures mean


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=4))
def test_probabilities_of_all_classes_sum_to_one(logits: list[float]) -> None:
    assert sum(probability(logits, wanted) for wanted in range(len(logits))) == pytest.approx(1.0)


def test_a_single_logit_is_a_logistic() -> None:
    assert probability([0.0], 0) == 0.5
    assert probability([math.log(3)], 0) == pytest.approx(0.75)
    assert probability([-1e6], 0) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("labels", "given", "wanted"),
    [
        (["contradiction", "entailment", "neutral"], None, 1),
        (["ENTAILMENT", "NOT_ENTAILMENT"], None, 0),
        (["not_entailment", "entailment"], None, 1),
        (["hallucinated", "consistent"], None, 1),
        (["LABEL_0"], None, 0),
        (["LABEL_0", "LABEL_1"], 1, 1),
        (["LABEL_0", "LABEL_1"], "LABEL_0", 0),
    ],
)
def test_the_class_of_support_is_known_by_its_name(labels: list[str], given: Any, wanted: int) -> None:
    assert class_of_support(labels, given) == wanted


@pytest.mark.parametrize(
    ("labels", "given"),
    [(["LABEL_0", "LABEL_1"], None), (["a", "b"], "c"), (["a"], 1), (["a"], -1), (["entailment", "supported"], None)],
)
def test_a_guess_is_refused(labels: list[str], given: Any) -> None:
    """A model whose classes are read the wrong way round would pass what it should stop."""
    with pytest.raises(Misread):
        class_of_support(labels, given)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_chunks_hold_whole_sentences_and_nothing_is_lost(sizes: list[int]) -> None:
    sentences = [" ".join(f"w{number}x{at}" for at in range(min(size, 60))) + "." for number, size in enumerate(sizes)]
    chunks = list(chunks_of(" ".join(sentences)))
    assert " ".join(chunks).split() == " ".join(sentences).split()
    assert all(len(chunk.split()) <= CHUNK_WORDS for chunk in chunks)


# ---- the measure, with a model that is none


class StubWords:
    """Stands for a model: a claim is as well supported as the share of its words in the premise."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def support(self, premise: str, claim: str) -> float:
        self.asked.append((premise, claim))
        words = claim.lower().rstrip(".").split()
        return sum(word in premise.lower() for word in words) / len(words)


def measured(reply: str, model: Any = None, *, case: Case = CASE, **params: Any) -> Measurement:
    reader = BySentence(model or StubWords())
    files = SuiteFiles(Path(), Path())
    measure = EntailedMeasure(sources_from(params.get("sources", "context"), files, None), lambda: reader, 0.5)
    return measure.measure(case, Observation(Reply(reply)))


def test_the_worst_sentence_decides_and_is_named() -> None:
    good = measured("Refunds arrive within 14 days. The office is in Berlin.")
    assert (good.good, good.score) == (True, 0.0)
    bad = measured("Refunds arrive within 14 days. Cats like warm milk.")
    assert (bad.good, bad.score) == (False, 1.0)
    assert "'Cats like warm milk.'" in bad.reason
    assert [(span.start, span.end, span.text) for span in bad.spans] == [(31, 51, "Cats like warm milk.")]


def test_a_claim_is_compared_with_the_chunks_that_share_its_words() -> None:
    filler = " ".join(f"Sentence {number} speaks of {'nothing ' * 20}here." for number in range(200))
    model = StubWords()
    found = measured("Refunds arrive within 14 days.", model, case=Case(id="c", context=f"{filler} {HANDBOOK}"))
    assert found.good is True
    assert len(model.asked) <= 3


@pytest.mark.parametrize(
    ("reply", "case"),
    [("", CASE), (" \n", CASE), ("Hello.", Case(id="c")), ("Hello.", Case(id="c", context=" ")), ("x" * 20_001, CASE)],
)
def test_what_cannot_be_judged_is_a_hole(reply: str, case: Case) -> None:
    assert measured(reply, case=case).good is None


def test_no_reply_is_a_hole() -> None:
    files = SuiteFiles(Path(), Path())
    measure = EntailedMeasure(sources_from("context", files, None), lambda: BySentence(StubWords()), 0.5)
    assert measure.measure(CASE, Observation(None)).good is None


# ---- adapters whose packages are not here


class StubLettuce:
    """The interface of LettuceDetect's HallucinationDetector, as its README shows it."""

    def __init__(self, *marks: dict[str, Any]) -> None:
        self.marks = list(marks)
        self.asked: dict[str, Any] = {}

    def predict(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked = asked
        return self.marks


def test_lettucedetect_gives_its_surest_mark() -> None:
    stub = StubLettuce(
        {"start": 0, "end": 5, "confidence": 0.6, "text": "A"}, {"start": 7, "end": 9, "confidence": 0.9}
    )
    assert Marks(stub).worst(["source"], "Hello, it is.") == (7, 9, 0.9)
    assert stub.asked == {"context": ["source"], "question": None, "answer": "Hello, it is.", "output_format": "spans"}
    assert Marks(StubLettuce()).worst(["source"], "Hello.") == (0, 6, 0.0)
    assert Marks(StubLettuce()).worst(["source"], "") is None


def test_hhem_is_asked_in_pairs_of_premise_and_claim() -> None:
    asked: list[Any] = []

    def stub_predict(pairs: list[tuple[str, str]]) -> list[float]:
        asked.extend(pairs)
        return [0.25]

    assert Predicts(stub_predict).support("premise", "claim") == 0.25
    assert asked == [("premise", "claim")]
    with pytest.raises(Misread):
        Predicts(lambda pairs: [1.5]).support("p", "c")


def test_code_of_a_model_is_not_run_unasked(tmp_path: Path) -> None:
    with pytest.raises(Misread, match="trust_code"):
        readers.open_hhem(Weights(tmp_path))


# ---- parameters


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/config.json").write_text("{}")
    return tmp_path / "models"


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader `nli` needs nothing and is the stub."""
    kinds = {"nli": Kind(lambda weights: BySentence(StubWords()), (), ""), "hhem": Kind(readers.open_hhem, (), "")}
    monkeypatch.setattr(entailed, "KINDS", kinds)


@pytest.mark.usefixtures("stubbed", "folder")
def test_weights_are_named_by_a_folder(judge: Any) -> None:
    assert judge("entailed", "The office is in Berlin.", CASE, weights="models").good is True
    assert judge("entailed", "Cats like milk.", CASE, weights="models", max_risk=0.9).good is False
    assert judge("not-entailed", "Cats like milk.", CASE, weights="models").good is True


@pytest.mark.usefixtures("stubbed")
def test_or_by_a_variable(judge: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLI_WEIGHTS", str(folder))
    assert judge("entailed", "The office is in Berlin.", CASE, weights_env="NLI_WEIGHTS").good is True


@pytest.mark.usefixtures("stubbed", "folder")
def test_weights_that_cannot_be_opened_are_one_problem(judge: Any) -> None:
    with pytest.raises(LlmgateError) as caught:
        judge("entailed", "Hello.", CASE, weights="models", reader="hhem")
    assert caught.value.problems[0].code == "weights-damaged"


@pytest.mark.usefixtures("folder")
def test_a_package_that_is_missing_is_named(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entailed, "find_spec", lambda name: None)
    with pytest.raises(LlmgateError) as caught:
        build("entailed", weights="models")
    (found,) = caught.value.problems
    assert (found.code, found.hint) == ("missing-extra", 'pip install "pytest-llmgate[nli]"')


@pytest.mark.usefixtures("stubbed", "folder")
@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "missing-parameter"),
        ({"weights": "models", "weights_env": "X"}, "missing-parameter"),
        ({"weights": "nowhere"}, "file-missing"),
        ({"weights": "../.."}, "file-missing"),
        ({"weights_env": "NO_SUCH_VARIABLE_HERE"}, "bad-parameter"),
        ({"weights": "models", "reader": "gpt"}, "bad-parameter"),
        ({"weights": "models", "max_risk": 0}, "bad-parameter"),
        ({"weights": "models", "max_risk": "low"}, "bad-parameter"),
        ({"weights": "models", "support_label": True}, "bad-parameter"),
        ({"weights": "models", "trust_code": "yes"}, "bad-parameter"),
    ],
)
def test_parameters_that_make_no_sense(build: Any, params: dict[str, Any], code: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        build("entailed", **params)
    assert caught.value.problems[0].code in (code, "path-outside-root")


# ---- tiny models, where transformers and onnxruntime are installed

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "refunds", "arrive", "within", "14", "days", ".", "cats", "like"]
LABELS = {"0": "contradiction", "1": "entailment", "2": "neutral"}


def tiny_nli(folder: Path) -> Any:
    """A random cross-encoder of a few kB with its tokenizer; returns the model."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    torch.manual_seed(7)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        num_labels=3, id2label={int(number): name for number, name in LABELS.items()},
        label2id={name: int(number) for number, name in LABELS.items()}, initializer_range=1.0,
    )  # fmt: skip
    model = transformers.BertForSequenceClassification(config).eval()
    model.save_pretrained(folder)
    transformers.BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    return model


def by_hand(model: Any, folder: Path, premise: str, claim: str) -> float:
    """Probability of entailment, computed step by step with torch."""
    import torch
    from transformers import AutoTokenizer

    asked = AutoTokenizer.from_pretrained(folder)(premise, claim, return_tensors="pt")
    return float(torch.softmax(model(**asked).logits[0].detach(), dim=-1)[1])


def worst_risk(reader: Any, source: str, claim: str) -> float:
    found = reader.worst([source], claim)
    assert found is not None
    return float(found.risk)


def test_transformers_reads_a_cross_encoder_as_torch_does(tmp_path: Path) -> None:
    model = tiny_nli(tmp_path / "nli")
    reader = readers.open_transformers(Weights(tmp_path / "nli"))
    for claim in ("Refunds arrive.", "Cats like 14 days."):
        expected = 1.0 - by_hand(model, tmp_path / "nli", HANDBOOK, claim)
        assert worst_risk(reader, HANDBOOK, claim) == pytest.approx(expected, abs=1e-5)


def test_a_premise_that_is_too_long_is_cut_and_not_the_claim(tmp_path: Path) -> None:
    tiny_nli(tmp_path / "nli")
    reader = readers.open_transformers(Weights(tmp_path / "nli"))
    assert 0.0 <= worst_risk(reader, "refunds " * 3000, "Refunds arrive.") <= 1.0


def test_onnx_reads_the_same_model_to_the_same_figures(tmp_path: Path) -> None:
    model = tiny_nli(tmp_path / "nli")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    export_onnx(model, tmp_path / "nli")
    reader = readers.open_onnx(Weights(tmp_path / "nli"))
    for claim in ("Refunds arrive.", "Cats like 14 days."):
        expected = 1.0 - by_hand(model, tmp_path / "nli", HANDBOOK, claim)
        assert worst_risk(reader, HANDBOOK, claim) == pytest.approx(expected, abs=1e-4)


def export_onnx(model: Any, folder: Path) -> None:
    import torch
    from transformers import AutoTokenizer

    asked = AutoTokenizer.from_pretrained(folder)("refunds arrive", "cats like", return_tensors="pt")
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        model, tuple(asked[name] for name in names), str(folder / "model.onnx"), input_names=names,
        output_names=["logits"], dynamic_axes={name: {1: "tokens"} for name in names}, dynamo=False,
    )  # fmt: skip


def test_minicheck_compares_its_two_first_tokens(tmp_path: Path) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = {
        word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", "0", "1", *WORDS[5:], "predict", ":"])
    }
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    fast.save_pretrained(tmp_path / "t5")
    torch.manual_seed(7)
    config = transformers.T5Config(
        vocab_size=len(words), d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=0,
        eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    model = transformers.T5ForConditionalGeneration(config).eval()
    model.save_pretrained(tmp_path / "t5")
    reader = readers.open_minicheck(Weights(tmp_path / "t5"))
    asked = fast(f"predict: {HANDBOOK}</s>Refunds arrive.", return_tensors="pt")
    first = torch.tensor([[0]])
    logits = model(input_ids=asked["input_ids"], decoder_input_ids=first).logits[0, 0, [3, 4]]
    expected = 1.0 - float(torch.softmax(logits, dim=-1)[1])
    assert worst_risk(reader, HANDBOOK, "Refunds arrive.") == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("content", ["no JSON", "[]", json.dumps({"id2label": {"1": "entailment"}})])
def test_a_config_without_classes_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(Misread):
        readers._labels(tmp_path)


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("torch")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/config.json").write_text("{}")
    with pytest.raises(LlmgateError) as caught:
        entailed._opened(entailed.KINDS["nli"], Weights(tmp_path / "models"), None)
    assert caught.value.problems[0].code == "weights-damaged"
