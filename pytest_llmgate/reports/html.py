"""`report.html`: one file without outside resources, safe to open whatever a model said; of a large run one a suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.reports import words
from pytest_llmgate.reports.findings import is_finding
from pytest_llmgate.reports.page import changes, gates, provenance
from pytest_llmgate.reports.page import words as sentences
from pytest_llmgate.reports.page.costs import costs
from pytest_llmgate.reports.page.evidence import Evidence, NoEvidence, Transcripts
from pytest_llmgate.reports.page.gaps import gaps, linked
from pytest_llmgate.reports.page.paper import Paper
from pytest_llmgate.reports.page.sections import Sections, Writer

INDEX = "report.html"
GATES = 150  # rows of the table of gates
WORST = 60  # rows of the regressions

Row = Mapping[str, Any]


class HtmlReport:
    """The report `html`: the page for reviewers, of every run."""

    def active(self, environ: Mapping[str, str]) -> bool:
        return True

    def render(self, result: Mapping[str, Any], view: RunView) -> Rendered:
        evidence = cast(Evidence | None, view.evidence(result))
        return Rendered(files=render_pages(result, view.transcript, evidence))


def render_html(result: Row, transcripts: Transcripts, evidence: Evidence | None = None) -> str:
    """The first page of a run; see `render_pages`."""
    return render_pages(result, transcripts, evidence)[INDEX]


def render_pages(result: Row, transcripts: Transcripts, evidence: Evidence | None = None) -> dict[str, str]:
    """The pages of a run by their path beside `result.json`; the same arguments give the same bytes.

    One page, unless tests that do not pass would have to leave out what failed: then an index, and a page a suite.
    result: as in `result.json`. transcripts: a redacted reply with what was written beside it, None where there is
    none. evidence: what the recorded trials show.
    """
    evidence = evidence or NoEvidence()
    paper = Paper()
    placed = [(f"t{number}", test) for number, test in enumerate(sorted(result["tests"], key=_rank), 1)]
    own = _write(paper, result, transcripts, evidence, placed)
    suites = _by_suite(placed)
    if not own[1].brief or len(suites) < 2:
        return {INDEX: paper.page(_facts(result, evidence, placed, own, {}))}
    return _book(paper, result, transcripts, evidence, suites)


def _book(
    paper: Paper, result: Row, transcripts: Transcripts, evidence: Evidence, suites: Mapping[str, list[tuple[str, Row]]]
) -> dict[str, str]:
    """An index and a page for each suite."""
    names = {suite: f"report/suite-{number}.html" for number, suite in enumerate(suites, 1)}
    placed = [pair for pairs in suites.values() for pair in pairs]
    pages = {INDEX: paper.page(_facts(result, evidence, placed, (None, Sections()), names))}
    for suite, pairs in suites.items():
        part = _part(result, [test for _, test in pairs])
        own = _write(paper, result, transcripts, evidence, pairs)
        pages[names[suite]] = paper.page({**_facts(part, evidence, pairs, own, {}), "suite": suite})
    return pages


def _part(result: Row, tests: Sequence[Row]) -> dict[str, Any]:
    """A result with the tests of one suite."""
    from pytest_llmgate.reports.summary import build_result

    return build_result(result["run"], tests, {**result["execution"], "billed": {}})


def _write(
    paper: Paper, result: Row, transcripts: Transcripts, evidence: Evidence, placed: Sequence[tuple[str, Row]]
) -> tuple[Writer, Sections]:
    writer = Writer(paper=paper, evidence=evidence, transcripts=transcripts, run=result["run"].get("id"))
    return writer, writer.sections(placed)


def _rank(test: Row) -> tuple[int, float]:
    """The worst test first: by its verdict, then by its worst gate."""
    return -Outcome(test["verdict"]).rank, -max((gates.excess(gate) for gate in test["gates"]), default=0.0)


def _by_suite(placed: Sequence[tuple[str, Row]]) -> dict[str, list[tuple[str, Row]]]:
    found: dict[str, list[tuple[str, Row]]] = {}
    for place, test in placed:
        found.setdefault(str(test.get("file") or test["suite"]), []).append((place, test))
    return found


def _facts(
    result: Row,
    evidence: Evidence,
    placed: Sequence[tuple[str, Row]],
    written: tuple[Writer | None, Sections],
    names: Mapping[str, str],
) -> dict[str, Any]:
    """Everything that the template of a page shows. names: of the pages of suites, where this is their index."""
    writer, own = written
    pages = {place: names.get(str(test.get("file") or test["suite"]), "") for place, test in placed}
    ranked = sorted(
        ((gate, test, f"{pages[place]}#{place}") for place, test in placed for gate in test["gates"]),
        key=lambda found: gates.rank(found[0]),
    )
    wrong = [row for row in ranked if is_finding(row[0]) and row[0].get("blocking", True)]
    return {
        "verdict": result["verdict"],
        "headline": words.headline(result),
        "lead": sentences.lead(result),
        "rules_out": sentences.rules_out(result),
        "unmeasured": linked(gaps(result), {test["id"]: f"{pages[place]}#{place}" for place, test in placed}),
        "origin": sentences.origin(result),
        "suite": "",
        "gates": [gates.view(gate, test["id"], place) for gate, test, place in ranked[:GATES]],
        "gates_dropped": max(0, len(ranked) - GATES),
        "changes": changes.views(result),
        "regressions": [gates.Regression(gates.view(g, t["id"], p), gates.beyond(g)) for g, t, p in wrong[:WORST]],
        "regressions_dropped": max(0, len(wrong) - WORST),
        "costs": costs(result, evidence),
        "pages": [(suite, name, _counts(placed, suite)) for suite, name in names.items()],
        "prompts": own.prompts,
        "circuits": own.circuits,
        "lines": own.lines,
        "brief": own.brief,
        "pictures_dropped": 0 if writer is None else writer.pictures.dropped,
        "missing": evidence.missing,
        "facts": list(provenance.facts(result)),
        "replays": provenance.replays(result),
    }


def _counts(placed: Sequence[tuple[str, Row]], suite: str) -> str:
    own = [test for _, test in placed if str(test.get("file") or test["suite"]) == suite]
    return words.headline({"tests": own, "run": {}})
