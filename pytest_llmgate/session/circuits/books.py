"""The books of devices for people: jobs that were set aside and never settled, and how they are released."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_llmgate.core.errors import nearest, problem
from pytest_llmgate.reports.escape import harmless
from pytest_llmgate.session.circuits.tests import SCRATCH
from pytest_llmgate.store.shot_book import SHOT_BOOK, OpenReservation, ShotBook

_HINT = "see with the provider what became of the jobs with these tags, then add --release"


def unsettled_jobs(root: Path, tags: Sequence[str], *, release: bool) -> list[str]:
    """Lines on unsettled jobs: on those that were released, or on all that there are. tags: only these.

    Raises LlmgateError for a tag that no such job has.
    """
    path = root / SCRATCH / SHOT_BOOK
    book = ShotBook(path)
    known = book.unsettled() if path.is_file() else ()
    for tag in tags:
        if tag not in {item.tag for item in known}:
            hint = nearest(tag, [item.tag for item in known]) if known else "no job is unsettled"
            raise problem("unknown-job", f"no unsettled job has the tag {tag!r}", None, hint)
    wanted = [item for item in known if not tags or item.tag in tags]
    if not wanted:
        return ["no job is unsettled"]
    if not release:
        over = any(not item.alive for item in wanted)
        return [*_listed(wanted), *([f"nothing was released: {_HINT}"] if over else [])]
    dropped = book.release(tags)
    kept = len(wanted) - len(dropped)
    left = [f"{kept} left alone: their runs are under way"] if kept else []
    return [*(["released:"] if dropped else []), *_listed(dropped), *left]


def _listed(items: Sequence[OpenReservation]) -> list[str]:
    """Each job under the test and the device that it counts against."""
    lines: list[str] = []
    scope = None
    for item in items:
        if item.scope != scope:
            scope = item.scope
            lines.append(harmless(scope))
        state = "under way" if item.alive else "its run is over"
        lines.append(harmless(f"  {item.tag}  run {item.run}, {state}: {_cost(item)}"))
    return lines


def _cost(item: OpenReservation) -> str:
    """`500 shots, up to 60 s, up to 0.50 USD`."""
    shots, seconds, usd = item.cost
    more = [f"up to {seconds:f} s"] if seconds else []
    return ", ".join([f"{shots:,} shots", *more, *([f"up to {usd:f} USD"] if usd else [])])
