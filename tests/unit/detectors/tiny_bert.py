"""A BERT of 4 kB with made-up weights, in the files that a real one has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

PIECES = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "refund", "##s", "arrive", "with", "##in", "1", "##4", "day", ".", ",",
    "a", "cafe", "東", "京", "'", "t", "don",
]  # fmt: skip
CONFIG = {
    "model_type": "bert", "hidden_act": "gelu", "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 8,
    "intermediate_size": 12, "layer_norm_eps": 1e-12, "max_position_embeddings": 16, "vocab_size": len(PIECES),
    "type_vocab_size": 2, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip


def shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor of the model."""
    width, inner, words = 8, 12, len(PIECES)
    found: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (words, width),
        "embeddings.position_embeddings.weight": (16, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        **_norm("embeddings.LayerNorm", width),
    }
    for layer in range(2):
        name = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            found |= _linear(f"{name}.attention.self.{part}", width, width)
        found |= _linear(f"{name}.attention.output.dense", width, width)
        found |= _norm(f"{name}.attention.output.LayerNorm", width)
        found |= _linear(f"{name}.intermediate.dense", inner, width)
        found |= _linear(f"{name}.output.dense", width, inner)
        found |= _norm(f"{name}.output.LayerNorm", width)
    return found


def _linear(name: str, out: int, into: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def write(folder: Path, kind: str = "F32") -> Path:
    """Write the model's files; kind: of its numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = np.random.RandomState(7)  # its stream is frozen
    rows, data = {}, b""
    for name, shape in shapes().items():
        numbers = drawn.standard_normal(shape).astype("<f4" if kind == "F32" else "<f2").tobytes()
        rows[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(data), len(data) + len(numbers)]}
        data += numbers
    header = json.dumps(rows).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    return folder
