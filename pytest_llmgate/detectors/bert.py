"""A BERT encoder in numpy, from `config.json` and `model.safetensors`: no torch, no network, nothing is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_MOST_HEADER = 1 << 24
_KINDS = {"F32": "<f4", "F16": "<f2"}


class Misfit(ValueError):  # noqa: N818 - reads as what it is
    """Files that hold no encoder of this kind; the message says why."""


@dataclass(frozen=True, slots=True)
class Bert:
    """weights: by name, as the file has them. layers, heads: how many. eps: of the layer norms. most: positions."""

    weights: Mapping[str, Floats]
    layers: int
    heads: int
    eps: float
    most: int

    @classmethod
    def load(cls, folder: Path) -> Bert:
        """The encoder of a folder; raises OSError, and Misfit for another architecture or a damaged file."""
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            if config["model_type"] != "bert" or config.get("hidden_act") != "gelu":
                raise Misfit(
                    f"it is a {config['model_type']} model with {config.get('hidden_act')}, not BERT with gelu"
                )
            weights = read_safetensors(folder / "model.safetensors")
            made = cls(
                weights, config["num_hidden_layers"], config["num_attention_heads"], config["layer_norm_eps"],
                config["max_position_embeddings"],
            )  # fmt: skip
            made.states([0])
        except (KeyError, IndexError, TypeError, json.JSONDecodeError) as fault:
            raise Misfit(f"its files do not fit each other: {type(fault).__name__}: {fault}") from None
        return made

    def states(self, ids: Sequence[int]) -> Floats:
        """The last hidden states of one text, tokens × width.

        Vaswani and others, 2017, section 3, with the norm after each step; Devlin and others, 2019, section 3.
        """
        weights = self.weights
        where = "embeddings"
        x = (
            weights[f"{where}.word_embeddings.weight"][np.asarray(ids)]
            + weights[f"{where}.position_embeddings.weight"][: len(ids)]
            + weights[f"{where}.token_type_embeddings.weight"][0]
        )
        x = self._normed(x, f"{where}.LayerNorm")
        for layer in range(self.layers):
            x = self._layer(x, f"encoder.layer.{layer}")
        return x

    def _layer(self, x: Floats, name: str) -> Floats:
        attended = self._linear(self._attention(x, f"{name}.attention.self"), f"{name}.attention.output.dense")
        x = self._normed(x + attended, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._normed(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _attention(self, x: Floats, name: str) -> Floats:
        size, width = x.shape
        shape = (size, self.heads, width // self.heads)
        query, key, value = (
            self._linear(x, f"{name}.{part}").reshape(shape).transpose(1, 0, 2) for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(shape[2]))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed: Floats = (scores / scores.sum(axis=-1, keepdims=True)) @ value
        return mixed.transpose(1, 0, 2).reshape(size, width)

    def _linear(self, x: Floats, name: str) -> Floats:
        made: Floats = x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return made

    def _normed(self, x: Floats, name: str) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(self.eps))
        made: Floats = centred / spread * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return made


def _gelu(x: Floats) -> Floats:
    """x Φ(x); erf by Abramowitz and Stegun, 7.1.26, whose error of 1.5e-7 is that of single precision."""
    z = np.abs(x) * np.float32(0.7071067811865476)
    t = 1.0 / (1.0 + np.float32(0.3275911) * z)
    series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    made: Floats = (0.5 * x * (1.0 + np.sign(x) * (1.0 - series * np.exp(-z * z)))).astype(np.float32)
    return made


def read_safetensors(path: Path) -> dict[str, Floats]:
    """The tensors of a file: 8 bytes with the header's size, a JSON header with places, then the numbers.

    Raises OSError, and Misfit for a damaged file or numbers of another kind than F32 and F16.
    """
    raw: npt.NDArray[np.uint8] = (
        np.memmap(path, dtype=np.uint8, mode="r") if path.stat().st_size else np.empty(0, np.uint8)
    )
    size = int.from_bytes(raw[:8].tobytes(), "little")
    if len(raw) < 8 or size > min(_MOST_HEADER, len(raw) - 8):
        raise Misfit(f"{path.name} is no safetensors file, or is cut short")
    header = json.loads(raw[8 : 8 + size].tobytes())
    header.pop("__metadata__", None)
    return {name: _tensor(raw[8 + size :], name, row) for name, row in header.items() if row["dtype"] != "I64"}


def _tensor(data: npt.NDArray[np.uint8], name: str, row: Mapping[str, Any]) -> Floats:
    if row["dtype"] not in _KINDS:
        raise Misfit(f"{name} holds numbers of kind {row['dtype']}, not F32 or F16")
    begin, end = row["data_offsets"]
    kind = np.dtype(_KINDS[row["dtype"]])
    if end > len(data) or end - begin != int(np.prod(row["shape"])) * kind.itemsize:
        raise Misfit(f"{name} does not lie within the file")
    numbers = np.frombuffer(data[begin:end].tobytes(), dtype=kind).reshape(row["shape"])
    return numbers.astype(np.float32, copy=False)
