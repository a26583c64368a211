"""Which language a text is in, as far as scripts and function words show, so that none is judged by another."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

_LOOK_AT = 20_000  # characters
_LEAST_WORDS = 3  # function words without which a text is in no language that we could name
_LEAST_SHARE = 0.6
_WORDS = {
    "English": "the of and to in is that it was for with as are be this have from not or by at which you were has been",
    "German": "der die das und ist nicht ein eine mit für von zu den im des auf sich dem auch als werden wird sind bei",
    "French": "le la les des et est une du dans que pour qui pas sur au avec sont il elle ce cette aux ne nous vous",
    "Spanish": "el los las una y es en que por con para del se como más pero su al lo son fue está muy también",
    "Italian": "il gli una è di che per con non sono del della nel alla si più come anche ma lo dei le questo",
    "Portuguese": "o os as uma é não em que para com do da dos das no na por mais como se foi são ao pelo",
    "Dutch": "de het een en is van niet met voor op zijn aan dat te er ook naar bij door maar om wordt als",
    "Swedish": "och är att det en som på för av med inte den till har ett om var från vid kan ska",
    "Polish": "i w na nie się z do jest to że jak o po przez są dla od oraz ale był może który",
    "Turkish": "ve bir bu için ile de da olarak çok daha gibi kadar olan sonra ise ancak değil her",
}
_FUNCTION = {name: frozenset(words.split()) for name, words in _WORDS.items()}
_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "CYRILLIC", "ARABIC", "HEBREW", "GREEK", "DEVANAGARI", "THAI")
_NAMES = {"HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "CJK": "Chinese"}


@lru_cache(maxsize=256)
def language_of(text: str) -> str:
    """The language, or the script of other writings; empty where a text is too short or too mixed to say."""
    head = text[:_LOOK_AT]
    script = "" if head.isascii() else _script(head)
    if script:
        return script
    counts = Counter(name for word in re.findall(r"[^\W\d_]+", head.lower()) for name in _speaking(word))
    if not counts:
        return ""
    (best, most), *others = counts.most_common(2)
    second = others[0][1] if others else 0
    return best if most >= _LEAST_WORDS and second <= _LEAST_SHARE * most else ""


def several_languages(texts: Iterable[str]) -> str:
    """Why texts that answer the same cannot be compared, empty where they can: they are in different languages."""
    found = {language for text in texts if (language := language_of(text))}
    return f"the replies are in {' and '.join(sorted(found))}: not comparable" if len(found) > 1 else ""


def _speaking(word: str) -> list[str]:
    return [name for name, words in _FUNCTION.items() if word in words]


def _script(text: str) -> str:
    """The script of most letters, where it is not Latin."""
    letters = [sign for sign in text[:4000] if sign.isalpha()]
    counts = Counter(_script_of(sign) for sign in letters)
    if counts["HIRAGANA"] + counts["KATAKANA"] > 0.1 * len(letters):
        return "Japanese"
    script, most = max(counts.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    return _NAMES.get(script, script.title()) if script and most > 0.5 * len(letters) else ""


@lru_cache(maxsize=4096)
def _script_of(sign: str) -> str:
    if sign.isascii():
        return ""
    name = unicodedata.name(sign, "")
    return next((script for script in _SCRIPTS if name.startswith(script)), "")
