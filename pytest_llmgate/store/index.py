"""Where the rows of a run lie: offsets instead of rows, so that memory hardly grows with the number of trials."""

from __future__ import annotations

import json
import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from pytest_llmgate.core.errors import problem
from pytest_llmgate.store.lines import read_at, sources
from pytest_llmgate.store.manifest import damaged

_SHIFT = 40  # a place is (number of the file + 1) << 40 | offset
_OFFSET = (1 << _SHIFT) - 1
_MOST_TRIALS = 1 << 24
_BLOCK = 1 << 18
_WINDOW = 1 << 16
_STRING = rb'"(?:[^"\\]|\\.)*+"'
_ROW = re.compile(rb'(\{"test":%b,"case":)%b,"index":\d+,"' % (_STRING, _STRING))
_CUT = re.compile(rb'"error": ?"(?:budget|interrupted): ')
_REPLY = re.compile(rb'"reply": ?"([0-9a-f]{16})')


class Files:
    """The merged file and the segments of one stem, open for reading; a context manager."""

    def __init__(self, folder: Path, stem: str) -> None:
        self.paths = sources(folder, stem)
        self._descriptors: list[int] = []
        self._windows = [(0, b"")] * len(self.paths)
        self.torn = 0
        try:
            for path in self.paths:
                self._descriptors.append(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        except OSError as fault:
            self.close()
            raise damaged(path, fault.strerror or "unreadable") from None

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Place and bytes of every complete line; what a kill tore off is counted in `torn`."""
        for number, descriptor in enumerate(self._descriptors, 1):
            place = number << _SHIFT
            with open(descriptor, "rb", buffering=_BLOCK, closefd=False) as file:
                for line in file:
                    if line.endswith(b"}\n"):
                        yield place, line
                    else:
                        self.torn += 1
                    place += len(line)

    def read(self, place: int, size: int) -> bytes:
        """The bytes at a place; raises `run-damaged` where the file has shrunk."""
        number, offset = (place >> _SHIFT) - 1, place & _OFFSET
        begin, window = self._windows[number]
        if not begin <= offset <= begin + len(window) - size:
            # Rows lie nearly in order: the next one is most likely close by, on either side.
            begin = max(0, offset - _WINDOW // 4)
            window = read_at(self._descriptors[number], max(_WINDOW, size + offset - begin), begin)
            self._windows[number] = begin, window
        content = window[offset - begin : offset - begin + size]
        if len(content) != size:
            raise damaged(self.paths[number], "it has become shorter")
        return content

    def path(self, place: int) -> Path:
        """The file that a place lies in."""
        return self.paths[(place >> _SHIFT) - 1]

    def close(self) -> None:
        """Close the files."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Places:
    """Places of one test's trials by their index, 12 bytes each; 0 is none."""

    __slots__ = ("_cut", "at", "size")

    def __init__(self) -> None:
        self.at = array("Q")
        self.size = array("I")
        self._cut: set[int] = set()

    def put(self, index: int, place: int, size: int, cut: bool = False) -> None:
        """Note where a trial lies; the first place of an index stays, but for one that was cut short."""
        lack = index + 1 - len(self.at)
        if lack > 0:
            lack += len(self.at) >> 4
            self.at.frombytes(bytes(8 * lack))
            self.size.frombytes(bytes(self.size.itemsize * lack))
        elif self.at[index] and (cut or index not in self._cut):
            return
        self.at[index] = place
        self.size[index] = size
        if cut:
            self._cut.add(index)
        else:
            self._cut.discard(index)


class Rows:
    """Index of all trial rows of a run directory, by test and trial index."""

    def __init__(self, folder: Path) -> None:
        self.files = Files(folder, "trials")
        self.tests: dict[str, Places] = {}
        self._scan()

    def _scan(self) -> None:
        head, put = b"", Places().put  # rows of one test follow one another, and begin alike
        for place, line in self.files.lines():
            if head and line.startswith(head):
                # No unescaped quote stands inside a JSON string, so this finds the key and nothing else.
                begin = line.find(b',"index":') + 9
                digits = line[begin : line.find(b",", begin, begin + 12)]
                index = int(digits) if digits.isdigit() else -1
            else:
                key = _key(line)
                if key is None:
                    self.files.torn += 1
                    continue
                test, index = key
                put = self.tests.setdefault(test, Places()).put
                head = _head(line)
            if 0 <= index < _MOST_TRIALS:
                put(index, place, len(line), b'"error":null' not in line and _CUT.search(line) is not None)
            else:
                self.files.torn += 1

    def blocks(self, test: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Rows of a test with start <= index < stop in order; rows that lie side by side come as one block."""
        places = self.tests.get(test) or Places()
        begin = end = 0
        stop = len(places.at) if stop is None else min(stop, len(places.at))
        for index in range(start, stop):
            place = places.at[index]
            if place == 0:
                continue
            if place != end or end - begin > _BLOCK:
                if begin:
                    yield self.files.read(begin, end - begin)
                begin = end = place
            end += places.size[index]
        if begin:
            yield self.files.read(begin, end - begin)


class Texts:
    """Index of all transcripts of a run directory, by the first 64 bits of their digest; 20 bytes each.

    64 bits: among a million texts two share them with a probability of 3 in 100 million.
    """

    def __init__(self, folder: Path) -> None:
        self.files = Files(folder, "transcripts")
        self._buckets = [(array("Q"), array("Q"), array("I")) for _ in range(256)]
        for place, line in self.files.lines():
            key = _digest_key(line)
            if key is None:
                self.files.torn += 1
                continue
            keys, at, size = self._buckets[key >> 56]
            keys.append(key)
            at.append(place)
            size.append(len(line))
        for keys, at, size in self._buckets:
            order = sorted(range(len(keys)), key=keys.__getitem__)  # stable: the first of equal keys stays first
            for column in (keys, at, size):
                column[:] = array(column.typecode, [column[item] for item in order])

    def find(self, key: int) -> tuple[int, int] | None:
        """Place and size of the text with this key, or None."""
        keys, at, size = self._buckets[key >> 56]
        item = bisect_left(keys, key)
        if item == len(keys) or keys[item] != key:
            return None
        return at[item], size[item]

    def take(self, key: int) -> tuple[int, int] | None:
        """As `find`, but only once for each key."""
        keys, at, size = self._buckets[key >> 56]
        item = bisect_left(keys, key)
        if item == len(keys) or keys[item] != key or size[item] == 0:
            return None
        found = at[item], size[item]
        size[item] = 0
        return found


def reply_keys(block: bytes) -> list[int]:
    """Keys of the replies that the rows of a block name, in order."""
    return [int(digits, 16) for digits in _REPLY.findall(block)]


def _digest_key(line: bytes) -> int | None:
    """The key of a transcript line; None where it has none."""
    digits = line[11:27] if line.startswith(b'{"digest":"') else _slow_digest(line)
    try:
        return int(digits, 16)
    except ValueError:
        return None


def _slow_digest(line: bytes) -> bytes:
    """Digest of a line that some other program has written again."""
    try:
        return str(json.loads(line)["digest"])[:16].encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""


def _key(line: bytes) -> tuple[str, int] | None:
    """Test and index of a row, whatever its spacing; None where it is no row."""
    try:
        row = json.loads(line)
        test, index = row["test"], row["index"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (test, index) if isinstance(test, str) and type(index) is int else None


def _head(line: bytes) -> bytes:
    """How a row of the same test begins if we wrote it; empty where another program wrote the row again."""
    found = _ROW.match(line)
    return found[1] if found else b""


def shown_digest(digest: str) -> int:
    """The key of a digest; raises `bad-digest` where it is none."""
    try:
        return int(digest[:16], 16)
    except ValueError:
        hint = 'digests stand under "reply" in trials.jsonl'
        raise problem("bad-digest", f"{digest!r} is not the digest of a reply", None, hint) from None
