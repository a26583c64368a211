"""Words of the language: stop words, negators, synonyms and opposites. English; read once from `words.txt`."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

_HIDDEN = dict.fromkeys([0xAD, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A)])
_KEEP_S = ("ss", "us", "is")
_DOUBLED = frozenset("bdfgmnprt")
_ROOT = 5  # letters that derived words share: organise, organisation


@dataclass(frozen=True, slots=True)
class Lexicon:
    """stop: words without content. negators: turn a clause round. strong: claims without exception.
    titles: words with a capital that are no names. before_nouns: words behind which mostly a noun follows.

    soft: words that may do so ("refuse", "closed"). same: stem → its groups of synonyms. opposite: stem → stems of its
    opposites; converse: of words that name the other side of one event or place, which need not contradict.
    """

    stop: frozenset[str]
    negators: frozenset[str]
    soft: frozenset[str]
    strong: frozenset[str]
    titles: frozenset[str]
    pronouns: frozenset[str]
    auxiliaries: frozenset[str]
    before_nouns: frozenset[str]
    same: Mapping[str, tuple[str, ...]]
    opposite: Mapping[str, frozenset[str]]
    converse: Mapping[str, frozenset[str]]


@cache
def lexicon() -> Lexicon:
    """The shipped words."""
    lines = files("pytest_llmgate.detectors.grounding").joinpath("words.txt").read_text(encoding="utf-8").splitlines()
    parts: dict[str, list[list[str]]] = defaultdict(list)
    name = ""
    for line in lines:
        if line.startswith("["):
            name = line.strip("[]")
        elif line and not line.startswith("#"):
            parts[name].append(line.split())
    return Lexicon(
        frozenset(_flat(parts["stop"])),
        frozenset(_flat(parts["negators"])),
        frozenset(_flat(parts["soft"])),
        frozenset(_flat(parts["strong"])),
        frozenset(_flat(parts["titles"])),
        frozenset(_flat(parts["pronouns"])),
        frozenset(_flat(parts["auxiliaries"])),
        frozenset(_flat(parts["before nouns"])),
        _groups([*parts["same"], *parts["irregular"]]),
        _opposites(parts["opposite"]),
        _opposites(parts["converse"]),
    )


def _flat(lines: Iterable[Iterable[str]]) -> Iterator[str]:
    return (word for line in lines for word in line)


def _groups(lines: Iterable[Iterable[str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for number, line in enumerate(lines):  # the numbers of one list
        for word in line:
            base = stem(word)
            found[base].append(f"={number}")
            if len(base) > _ROOT:
                found[base[: _ROOT + 1] + "~"].append(f"={number}")  # construct, construction
    return {word: tuple(numbers) for word, numbers in found.items()}


def _opposites(lines: Iterable[Iterable[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for one, other in lines:
        found[stem(one)].add(stem(other))
        found[stem(other)].add(stem(one))
    return {word: frozenset(others) for word, others in found.items()}


def plain(word: str) -> str:
    """A word as it is compared: small letters, one form for one sign, nothing hidden, no possessive."""
    if not word.isascii():
        word = unicodedata.normalize("NFKC", word).translate(_HIDDEN).replace("’", "'")
        word = "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign)) or word
    low = word.casefold()
    return low[:-2] if low.endswith("'s") else low.strip("'")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A word in small letters without the commonest English endings."""
    size = len(word)
    if size < 4 or not word.isascii():
        return word
    if word.endswith("ies") and size > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word[-1] == "s" and not word.endswith(_KEEP_S):
        word = word[:-1]
    if word.endswith("ied") and size > 4:
        word = word[:-3] + "y"
    for ending, least in (("ing", 3), ("ed", 3), ("ly", 4)):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) >= least and any(sign in "aeiouy" for sign in rest):
            word = rest[:-1] if rest[-1] == rest[-2] and rest[-1] in _DOUBLED else rest
            break
    return word[:-1] if len(word) > 4 and word[-1] == "e" else word


@lru_cache(maxsize=65536)
def weak_keys(word: str) -> tuple[str, ...]:
    """What a stem shares with synonyms and derived words."""
    if len(word) <= _ROOT or not word.isascii():
        return lexicon().same.get(word, ())
    groups = lexicon().same.get(word) or lexicon().same.get(word[: _ROOT + 1] + "~", ())
    return (*groups, f"~{word[:_ROOT]}")
