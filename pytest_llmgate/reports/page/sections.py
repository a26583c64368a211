"""The tests of a page, rendered as fully as there is room: those that do not pass first, and never dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from pytest_llmgate.reports import words
from pytest_llmgate.reports.circuit_page import Pictures
from pytest_llmgate.reports.escape import clipped
from pytest_llmgate.reports.page import gates, tests
from pytest_llmgate.reports.page.evidence import Evidence, Transcripts
from pytest_llmgate.reports.page.paper import Paper
from pytest_llmgate.reports.page.room import MOST, WANTED, Room, size

_FRAME = (400_000, 9_000)  # what a page takes beside its tests: gates, costs, style

Row = Mapping[str, Any]


@dataclass(slots=True)
class Sections:
    """The rendered tests of a page. lines: tests that pass, shown in a line; brief: others without their replies."""

    prompts: list[Markup] = field(default_factory=list)
    circuits: list[Markup] = field(default_factory=list)
    lines: int = 0
    brief: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Renders tests. run: the run's id."""

    paper: Paper
    evidence: Evidence
    transcripts: Transcripts
    run: Any
    pictures: Pictures = field(default_factory=Pictures)

    def sections(self, placed: Iterable[tuple[str, Row]]) -> Sections:
        """Tests with their anchors, the worst first, as far as the page has room."""
        known = [(place, test, self._line(place, test)) for place, test in placed]
        reserved = [size(line) for _, _, line in known]
        taken = [sum(sizes) for sizes in zip(*reserved, strict=True)] or [0, 0]
        wanted, most = (Room(*(limits[at] - _FRAME[at] - taken[at] for at in (0, 1))) for limits in (WANTED, MOST))
        found = Sections()
        for place, test, line in known:
            text = self._fitted(place, test, line, wanted, most, found)
            (found.circuits if test.get("circuit") else found.prompts).append(text)
        return found

    def _fitted(self, place: str, test: Row, line: Markup, wanted: Room, most: Room, found: Sections) -> Markup:
        """A test in full while there is room; after the first that does not fit, no further one is tried."""
        passes = test["verdict"] == "pass"
        room = wanted if passes else most
        if not room.closed:
            text = self._full(place, test)
            if room.has(text) and most.take(text):
                wanted.give(text)
                return text
            room.closed = True
        found.lines += passes
        found.brief += not passes
        return line

    def _line(self, place: str, test: Row) -> Markup:
        return self.paper.test({**self._head(place, test), "drill": None, "circuit": None})

    def _full(self, place: str, test: Row) -> Markup:
        own = {gate["name"]: self.pictures.gate(gate) for gate in test["gates"]}
        facts = {
            **self._head(place, test),
            "drill": tests.drill(test, self.run, self.evidence, self.transcripts),
            "circuit": self.pictures.circuit(test),
            "of_shots": [(gate, own[gate["name"]]) for gate in test["gates"] if own[gate["name"]]],
        }
        return self.paper.test(facts)

    def _head(self, place: str, test: Row) -> dict[str, Any]:
        ranked = sorted(test["gates"], key=gates.rank)
        return {
            "place": place,
            "id": clipped(test["id"], gates.SENTENCE),
            "verdict": test["verdict"],
            "kind": test["kind"],
            "spent": tests.spent(test),
            "expected": words.expected(test),
            "model": self.evidence.model(test["id"]),
            "answered": ", ".join(map(str, test.get("models") or ())),
            "gates": [gates.view(gate) for gate in ranked],
            "problems": tests.sentences(test, "problems"),
            "warnings": tests.sentences(test, "warnings"),
        }
