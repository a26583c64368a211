"""Finds telephone numbers and US social security numbers in runs of digits.

Some shapes are enough by themselves: `+44 20 7946 0958`, `(618) 226-1460`, `01.84.17.61.18`. Others, such as
`99 577450`, are numbers of anything; they count where words around them speak of telephones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_llmgate.core.private_kinds import PHONE, SSN
from pytest_llmgate.redaction.finds import Find, words_before
from pytest_llmgate.redaction.formats import is_in_format
from pytest_llmgate.redaction.phone_words import speak_of_phones

GAP = " .\u00a0\u2009\u202f\u2010\u2011\u2013/\\-"
_LIKELY = re.compile(rf"[0-9](?:[{GAP}()]{{0,3}}[0-9]){{6}}")
_PART = r"(?:\([0-9]{1,5}\)|[0-9]++)"
_RUN = re.compile(
    # The first character comes before what must not stand in front of it: so the search may skip to digits.
    r"[+(0-9](?<![\w.,$€£¥#+].)(?<!\w-.)(?:(?<=\+)(?:\([0-9]{1,5}\)|[0-9]++)|(?<=\()[0-9+]{1,5}\)|(?<=[0-9])[0-9]*+)"
    rf"(?:(?:[{GAP}]|\) ?|(?=\()|(?<=\)) ?){_PART})*+"
    r"(?P<ext>(?: ?(?:x|ext\.?|#) ?[0-9]{1,6})?+)(?![\w%€£$°])(?![.,/:-][0-9])",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"\+[1-9].*"
    r"|00[1-9][0-9]{0,2}[^0-9].*"
    r"|(?:1[ .-])?\([2-9][0-9]{2}\)[ .-]?[0-9]{3}[ .-]?[0-9]{4}"
    r"|(?:1[ .\u2011-])?[2-9][0-9]{2}([.\u2010\u2011\u2013-])[0-9]{3}\1[0-9]{4}"
    r"|0[1-9][0-9]{0,3}(?:[^0-9]+[0-9]{2,8}){2,4}|0[1-9][0-9]{0,4}[-/.][0-9]{4,9}"
    r"|\(0?[0-9]{1,4}\)[ -]?[0-9]{2,4}[ -][0-9]{2,6}(?:[ -][0-9]{2,4})?",
    re.DOTALL,
)
_DATE = re.compile(
    r"(?:(?:19|20)[0-9]{2}[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12][0-9]|3[01])"
    r"|(?:0?[1-9]|[12][0-9]|3[01])([-./])(?:0?[1-9]|[12][0-9]|3[01])\1(?:19|20)?[0-9]{2})(?=[ ,]|\Z)"
)
_DECIMAL = re.compile(r"[0-9]+\.[0-9]+")
_SSN = re.compile(r"([0-9]{3})([- \u2010\u2011\u2013]?)([0-9]{2})\2([0-9]{4})")
_SSN_WORD = re.compile(
    r"\b(?:ssn|ss#|social[ _-]?sec\w*|itin|tin|tax[ _-]?(?:payer[ _-]?)?id\w*)\b[^0-9]*\Z", re.IGNORECASE
)
_AFTER = re.compile(r"[ ,(]{1,2}(?:mobile|cell|fax|office|home|work|phone|tel|desk|direct|landline)\b", re.IGNORECASE)
_WORDS = re.compile(r"[^ ]++")
_LOOK_BACK = 56
_SHORTEST = 7


def find_phones(text: str) -> Iterator[Find]:
    """Telephone and social security numbers in a text, and our stand-ins for them."""
    if not _LIKELY.search(text):
        return
    for run in _RUN.finditer(text):
        if run.end() - run.start() < _SHORTEST:
            continue
        whole = Passage(text, run.start(), run.end(), run["ext"])
        kind = whole.kind()
        if kind:
            yield Find(whole.start, whole.end, kind, done=is_in_format(kind, run[0]))
        elif " " in run[0]:
            yield from _parts(text, run)


def _parts(text: str, run: re.Match[str]) -> Iterator[Find]:
    """Numbers known by their shape alone, where a run of several numbers is none as a whole."""
    for found in _WORDS.finditer(text, run.start(), run.end()):
        part = Passage(text, found.start(), found.end())
        kind = part.shape()
        if kind:
            yield Find(part.start, part.end, kind, done=is_in_format(kind, found[0]))


class Passage(NamedTuple):
    """A run of digits in a text. extension: its last part, such as ` x123`."""

    text: str
    start: int
    end: int
    extension: str = ""

    @property
    def number(self) -> str:
        return self.text[self.start : self.end - len(self.extension)]

    def kind(self) -> str:
        """What it is by shape, or by the words around it: `ssn`, `phone` or nothing."""
        found = self.shape()
        number = self.number
        if found or not 7 <= sum(map(str.isdecimal, number)) <= 15 or _DATE.match(number) or _DECIMAL.fullmatch(number):
            return found
        return PHONE if _spoken_of(self.text, self.start, self.end) else ""

    def shape(self) -> str:
        """What it is by its shape alone."""
        number = self.number
        size = sum(map(str.isdecimal, number))
        if size == 9 and not self.extension and _is_ssn(self.text, self.start, number):
            return SSN
        if not 8 <= size <= 15 or _DATE.match(number):
            return ""
        if _STRONG.fullmatch(number) and (size >= 9 or not number.startswith("0")):
            return PHONE  # eight digits that begin with zero are as often something else
        grouped = size >= 9 and not number.isdecimal()
        return PHONE if grouped and is_in_format(PHONE, self.text[self.start : self.end]) else ""


def _is_ssn(text: str, start: int, number: str) -> bool:
    found = _SSN.fullmatch(number)
    if not found:
        return False
    area, gap, group, serial = found.groups()
    if is_in_format(SSN, number):
        return True
    if area in ("000", "666") or group == "00" or serial == "0000":
        return False
    if area[0] == "9" and group < "50":
        return False  # 9xx are taxpayer numbers, whose middle is 50 or more
    return gap not in ("", " ") or bool(_SSN_WORD.search(_before(text, start)))


def _spoken_of(text: str, start: int, end: int) -> bool:
    """Whether the nearest telling word before the number, or the one behind it, speaks of telephones."""
    said = speak_of_phones(_before(text, start))
    return _AFTER.match(text, end, end + 16) is not None if said is None else said


def _before(text: str, place: int) -> str:
    """The words before a place, within its sentence."""
    before = words_before(text, place, _LOOK_BACK)
    for end in ("\n\n", "! ", "? ", "; "):
        before = before.rpartition(end)[2]
    return before
