"""What can be pointed at: a number or a name that the evidence does not hold, a negation that is turned round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_llmgate.detectors.grounding.alignment import Alignment
from pytest_llmgate.detectors.grounding.polarity import flipped
from pytest_llmgate.detectors.grounding.quantities import Quantity, agree, same_kind, supported
from pytest_llmgate.detectors.grounding.rivals import wrong_names

KINDS = ("number", "entity", "negation")
_SMALL = 12


class Finding(NamedTuple):
    """One finding. start, end: its place in the reply. evidence: the best evidence sentence, empty for none."""

    kind: str
    start: int
    end: int
    text: str
    evidence: str


def find(aligned: Alignment) -> list[Finding]:
    """The findings of one sentence."""
    places = [
        *(("number", quantity.start, quantity.end) for quantity in wrong_quantities(aligned)),
        *(("entity", name.start, name.end) for name in wrong_names(aligned)),
        *(("negation", token.start, token.end) for token in flipped(aligned)),
    ]
    evidence = aligned.best.text if aligned.best else ""
    claim = aligned.claim
    return [
        Finding(kind, claim.start + start, claim.start + end, claim.text[start:end], evidence)
        for kind, start, end in places
    ]


def wrong_quantities(aligned: Alignment) -> Iterator[Quantity]:
    """Numbers, dates and times that the evidence does not hold, or holds for another fact."""
    for quantity in aligned.claim.quantities:
        if any(agree(quantity, other, strictly=True) for other in aligned.near_quantities):
            continue
        rival = _rival(quantity, aligned)
        loosely = not rival and supported(quantity, aligned.near_quantities)
        if loosely or _span_of_years(quantity, aligned.near_quantities):
            continue
        if not bool(aligned.evidence.saying(quantity)):
            if rival or not _idle(quantity):
                yield quantity
        elif rival and aligned.same_fact():
            yield quantity


def _idle(quantity: Quantity) -> bool:
    """Whether a number may be mere wording: "two", "one of", "third"."""
    values = quantity.raw or tuple(value for kind, value in quantity.options if kind != "date")
    return quantity.word and all(value <= _SMALL for value in values)


def _rival(quantity: Quantity, aligned: Alignment) -> bool:
    """Whether the best passage has a number of this kind that the sentence does not say."""
    if aligned.best is None:
        return False
    mine = aligned.claim.quantities
    return any(
        same_kind(quantity, other) and not any(agree(said, other) for said in mine) for other in aligned.best.quantities
    )


def _span_of_years(quantity: Quantity, known: Sequence[Quantity]) -> bool:
    """Whether a number of years is the time between two years of the evidence."""
    wanted = {round(raw) for raw in quantity.raw if quantity.options[0][0] in ("duration", "number")}
    years = [value for other in known for value in _years(other)] if wanted else []
    return any(0 < later - earlier < 200 and later - earlier in wanted for later in years for earlier in years)


def _years(quantity: Quantity) -> Iterator[int]:
    for kind, value in quantity.options:
        if kind == "date" and value[0] is not None:
            yield value[0]
        elif kind == "number" and 1000 <= value < 2200 and value == int(value):
            yield int(value)
