"""Which words of a sentence stand under a negation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_llmgate.detectors.grounding.lexicon import lexicon
from pytest_llmgate.detectors.grounding.tokens import Token

REACH = 4  # words with content that a negation turns round
_CLAUSE = re.compile(r"[,;:()–—]|\s-\s")
_BREAKS = frozenset(
    ["but", "although", "though", "because", "while", "whereas", "however", "yet", "if", "unless", "until", "since"]
)
_JOINS = frozenset({"and", "or"})
_WHOLE = frozenset(  # these turn round what stands before them
    ["nothing", "none", "nobody", "nowhere", "longer", "forbidden", "prohibited", "banned"]
)
_SUBJECTS = frozenset(["no", "nobody", "none", "neither"])  # whose predicate is denied
_TURNED_BACK = frozenset({"only", "just", "least"})  # "not only" denies nothing


def negated(text: str, tokens: Sequence[Token]) -> tuple[tuple[Token, tuple[Token, ...]], ...]:
    """Each negating word of a sentence with the words in its reach."""
    found = []
    for place, token in enumerate(tokens):
        following = tokens[place + 1].word if place + 1 < len(tokens) else ""
        if negates(token.word) and following not in _TURNED_BACK:
            reached = _reach(text, tokens, place)
            if token.word in _WHOLE or following in _WHOLE or not reached:
                reached = _before(text, tokens, place) + reached
            found.append((token, reached))
    return tuple(found)


def softened(text: str, tokens: Sequence[Token]) -> tuple[tuple[Token, tuple[Token, ...]], ...]:
    """The same for words that may deny ("refuse", "closed"), with what stands before and behind them."""
    soft = lexicon().soft
    return tuple(
        (token, _before(text, tokens, place) + _reach(text, tokens, place))
        for place, token in enumerate(tokens)
        if token.word in soft
    )


def negates(word: str) -> bool:
    """Whether a word turns its clause round."""
    return word in lexicon().negators or word.endswith("n't")


def _reach(text: str, tokens: Sequence[Token], place: int) -> tuple[Token, ...]:
    reached: list[Token] = []
    end = tokens[place].end
    for at, token in enumerate(tokens[place + 1 :], start=place + 1):
        begun = bool(reached) and token.word in lexicon().auxiliaries and tokens[place].word not in _SUBJECTS
        if token.word in _BREAKS or begun or _CLAUSE.search(text, end, token.start) or _new_clause(tokens, at):
            break
        end = token.end
        if _tells(token):
            reached.append(token)
            if len(reached) == REACH:
                break
    return tuple(reached)


def _before(text: str, tokens: Sequence[Token], place: int) -> tuple[Token, ...]:
    """The last words with content before a negation, in its clause."""
    reached: list[Token] = []
    start = tokens[place].start
    for token in reversed(tokens[:place]):
        if token.word in _BREAKS or _CLAUSE.search(text, token.end, start) or len(reached) == REACH:
            break
        start = token.start
        if _tells(token):
            reached.append(token)
    return tuple(reached)


def _tells(token: Token) -> bool:
    return token.content or token.word[:1].isdigit()


def _new_clause(tokens: Sequence[Token], at: int) -> bool:
    return tokens[at].word in _JOINS and at + 1 < len(tokens) and tokens[at + 1].word in lexicon().auxiliaries
