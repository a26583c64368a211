"""Made-up private texts, one pair for each place that text can come from, and where they turn up again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path


class Canaries:
    """A key and an e-mail address for each place, made on demand: `book("reply")` is both in one text."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[str, str]] = {}

    def pair(self, place: str) -> tuple[str, str]:
        """The key and the address of a place."""
        body = sha256(place.encode()).hexdigest()[:20]
        return self._made.setdefault(place, (f"sk-proj-7{body}Q", f"canary.{place}.{body[:6]}@corp-mail.com"))

    def __call__(self, place: str) -> str:
        return "{} {}".format(*self.pair(place))

    def mail(self, place: str) -> str:
        return self.pair(place)[1]

    def key(self, place: str) -> str:
        return self.pair(place)[0]

    def seen_in(self, text: str) -> Iterator[str]:
        """Places whose canary stands in a text, in whatever notation."""
        for place, pair in self._made.items():
            if any(form in text for word in pair for form in _forms(word)):
                yield place


def _forms(word: str) -> Iterable[str]:
    escaped = "".join(f"\\u{ord(char):04x}" for char in word)
    return {word, word.replace("@", "&#64;"), word.replace("@", "%40"), json.dumps(word)[1:-1], escaped}


def leaks(canaries: Canaries, folders: Iterable[Path], printed: str = "") -> dict[str, set[str]]:
    """By file, or `(printed)`: the places whose canary is in it."""
    found: dict[str, set[str]] = {}
    for path in sorted(path for folder in folders for path in _files(folder)):
        text = path.read_bytes().decode("utf-8", "replace")
        places = set(canaries.seen_in(text)) | set(canaries.seen_in(path.name))
        if places:
            found[path.name] = places
    if places := set(canaries.seen_in(printed)):
        found["(printed)"] = places
    return found


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
    yield from (path for path in folder.rglob("*") if path.is_file())
