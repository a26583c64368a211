"""Sources indexed by vectors too: beside BM25's evidence, the passages nearest to a sentence by cosine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path

import numpy as np

from pytest_llmgate.detectors import embedding
from pytest_llmgate.detectors.bert import Floats
from pytest_llmgate.detectors.embedding import Encoder
from pytest_llmgate.detectors.grounding.evidence import TOP, Evidence, index
from pytest_llmgate.detectors.grounding.passages import Passage
from pytest_llmgate.detectors.grounding.sources import Source
from pytest_llmgate.detectors.values import Unusable

MOST_SOURCE = 1_000_000
"""Characters of all sources of a reply that vectors are made of: some minutes, once."""
MOST_REPLY = 50_000
"""Characters of a reply that are compared by vectors."""
MOST_FILES = 20_000
LEAST = 0.3  # cosine below which sentences hardly speak of one thing
CACHE = Path(".llmgate", "cache", "passages")

_SUFFIX = ".vectors"
_CHECK = 32  # bytes of SHA-256 before the numbers
_KEPT = 128  # documents in memory


@dataclass(frozen=True, slots=True)
class Shelf:
    """Vectors of documents, in memory and in a folder (None: in memory only). What is wrong with a file is a miss."""

    encoder: Encoder
    folder: Path | None

    def rows(self, sentences: tuple[str, ...]) -> Floats:
        """The unit vectors of a document's sentences, sentences × width."""
        return _rows(self, sentences)

    def key(self, sentences: Sequence[str]) -> str:
        """Digest of weights and sentences, each with its length, so that no two documents have one key."""
        digest = sha256(self.encoder.digest.encode())
        for sentence in sentences:
            body = sentence.encode("utf-8", "surrogatepass")
            digest.update(len(body).to_bytes(8, "little") + body)
        return digest.hexdigest()

    def read(self, key: str, count: int) -> Floats | None:
        """What was kept under a key, as `count` rows; None where there is nothing sound."""
        if self.folder is None:
            return None
        try:
            data = (self.folder / f"{key}{_SUFFIX}").read_bytes()
        except OSError:
            return None
        check, body = data[:_CHECK], data[_CHECK:]
        if check != _checksum(key, body) or not body or len(body) % (4 * count):
            return None
        return np.frombuffer(body, dtype="<f4").reshape(count, -1)

    def write(self, key: str, rows: Floats) -> None:
        """Keep rows; a folder that cannot be written keeps nothing."""
        if self.folder is None:
            return
        body = rows.astype("<f4").tobytes()
        path = self.folder / f"{key}{_SUFFIX}"
        draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(_checksum(key, body) + body)
            os.replace(draft, path)


@lru_cache(maxsize=_KEPT)
def _rows(shelf: Shelf, sentences: tuple[str, ...]) -> Floats:
    key = shelf.key(sentences)
    kept = shelf.read(key, len(sentences))
    if kept is None:
        kept = np.stack([shelf.encoder.embed(sentence) for sentence in sentences])
        shelf.write(key, kept)
    return kept


def _checksum(key: str, body: bytes) -> bytes:
    return sha256(key.encode() + body).digest()


@lru_cache(maxsize=4)
def shelf_under(root: Path) -> Shelf:
    """The shelf of a project, with the installed weights; too many old files on it are dropped once a process."""
    folder = root / CACHE
    _prune(folder)
    return Shelf(embedding.minilm_encoder(), folder)


def _prune(folder: Path) -> None:
    """Drop the oldest quarter where too many files have gathered."""
    with suppress(OSError):
        files = [path for path in folder.iterdir() if path.suffix == _SUFFIX]
        if len(files) > MOST_FILES:
            oldest = sorted(files, key=lambda path: path.stat().st_mtime)
            for path in oldest[: len(files) - MOST_FILES * 3 // 4]:
                path.unlink(missing_ok=True)


def vector_index(sources: Iterable[Source], shelf: Shelf) -> Evidence:
    """The index of sources whose evidence is also looked up by cosine. Raises Unusable where they are too long."""
    given = tuple(sources)
    size = sum(len(text) for _, text in given)
    if size > MOST_SOURCE:
        raise Unusable(f"the sources have {size} characters, and vectors are made of {MOST_SOURCE} at most")
    plain = index(given)
    return replace(plain, nearest=_finder(plain, shelf)) if plain.passages else plain


def _finder(plain: Evidence, shelf: Shelf) -> Callable[[Passage], list[int]]:
    """Looks up places of passages; each document is kept by itself, so that a change of one costs that one only."""
    named = zip(plain.documents, plain.passages, strict=True)
    documents = [tuple(passage.text for _, passage in group) for _, group in groupby(named, key=lambda item: item[0])]
    rows = np.concatenate([shelf.rows(document) for document in documents])

    def find(claim: Passage) -> list[int]:
        cosines = np.round(rows @ shelf.encoder.embed(claim.text), 4)  # what lies beyond differs between processors
        best = np.argsort(-cosines, kind="stable")[:TOP]
        return [int(place) for place in best if cosines[place] >= LEAST]

    return find
