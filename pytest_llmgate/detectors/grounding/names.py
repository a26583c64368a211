"""Names in a sentence: people, places, organisations, products, as far as capital letters show them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from pytest_llmgate.detectors.grounding.lexicon import lexicon
from pytest_llmgate.detectors.grounding.tokens import Token

_JOINING = frozenset(
    ["of", "the", "de", "la", "del", "von", "van", "der", "den", "di", "da", "du", "le", "al", "bin", "and", "&", "for"]
)
_HEADLINE = 0.85


class Name(NamedTuple):
    """A name: its tokens; weak: opens a sentence or a quotation, or stands in a headline, so perhaps no name."""

    tokens: tuple[Token, ...]
    weak: bool

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end


def find_names(
    tokens: Sequence[Token], covered: Iterable[tuple[int, int]] = (), openings: Container[int] = ()
) -> tuple[Name, ...]:
    """Names among the words of one sentence.

    covered: places of dates and numbers, which are no names. openings: places where a quotation or a JSON text opens.
    """
    if not tokens or (not any(token.capital for token in tokens[1:]) and not tokens[0].capital):
        return ()
    spans = tuple(covered)
    headline = _is_headline(tokens)
    found: list[Name] = []
    run: list[Token] = []
    for token in (*tokens, None):
        if token is not None and _named(token, spans) and _adjacent(run, token):
            run.append(token)
            continue
        found += _closed(run, tokens[0], openings, headline)
        run = [token] if token is not None and _named(token, spans) else []
    return tuple(found)


def _named(token: Token, covered: Sequence[tuple[int, int]]) -> bool:
    return (
        token.capital
        and token.word not in ("i", "i'm", "i've", "i'll", "i'd")
        and not any(start < token.end and token.start < end for start, end in covered)
    )


def _adjacent(run: Sequence[Token], token: Token) -> bool:
    return not run or token.start - run[-1].end == 1


def _closed(run: Sequence[Token], first: Token, openings: Container[int], headline: bool) -> Iterable[Name]:
    """The name that a run of capitals is, if any, without titles around it and stop words before it."""
    kept = list(run)
    while kept and (not kept[0].content or kept[0].word in lexicon().titles or kept[0].word in _JOINING):
        kept.pop(0)
    while kept and (not kept[-1].content or kept[-1].word in lexicon().titles):
        kept.pop()
    opens = bool(kept) and (kept[0] is first or kept[0].start in openings)
    if opens and len(kept) > 1 and _ordinary(kept[0]):
        kept, opens = kept[1:], False
    if kept:
        yield Name(tuple(kept), headline or (opens and len(kept) == 1))


def _ordinary(token: Token) -> bool:
    words = lexicon()
    return token.stem in words.same or token.stem in words.opposite


def _is_headline(tokens: Sequence[Token]) -> bool:
    content = [token for token in tokens if token.content and not token.word.isdigit()]
    return len(content) > 3 and sum(token.capital for token in content) > _HEADLINE * len(content)
