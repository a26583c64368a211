"""The result as Markdown, the worst first, cut where a host would refuse it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.rendered import RunView
from pytest_llmgate.reports import words
from pytest_llmgate.reports.failing import alike, failed
from pytest_llmgate.reports.findings import Finding, findings
from pytest_llmgate.reports.markdown_text import code, fenced, html_code
from pytest_llmgate.reports.markdown_text import words as plain
from pytest_llmgate.reports.page.words import rules_out

_CLOSING = 300  # bytes kept for the sentence that says what was cut
_REPLIES = 3  # failing replies of a test, each unlike the others
_LOOSENED, _CHANGE = 10, 200  # changes that loosen, and characters of one
_REPLY = 2000  # characters of one
_PASSED = 200  # tests that pass and are named
_PLACE = "case {case}, repeat {repeat}, trial {index}"
_HEAD = "| | test | gate | |\n|---|---|---|---|\n"


class _Sheet:
    """Blocks of Markdown as long as there is room."""

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        self._room = limit - _CLOSING
        self.full = False

    def add(self, block: str) -> bool:
        """Whether the block still fitted."""
        size = len(block.encode("utf-8"))
        if self.full or size > self._room:
            self.full = True
            return False
        self._room -= size
        self._parts.append(block)
        return True

    def text(self, closing: str) -> str:
        return "".join([*self._parts, closing])


def markdown(result: Mapping[str, Any], view: RunView, limit: int) -> str:
    """The run in Markdown, at most `limit` bytes; a sentence says what was cut."""
    sheet, found = _Sheet(limit), findings(result)
    sheet.add(f"## llmgate: {result['verdict'].upper()}\n\n{plain(words.headline(result))}\n")
    sheet.add(_opening(result))
    shown = _rows(sheet, found)
    if shown == len(found):
        _replies(sheet, result, view)
        _passed(sheet, [test for test in result["tests"] if test["verdict"] == "pass"])
    left = len(found) - shown
    more = f"{words.counted(left, 'finding')} more and the failing replies stand" if left else "The rest stands"
    return sheet.text(f"\nCut here. {more} in `report.html`, in the results of this run.\n" if sheet.full else "")


def _opening(result: Mapping[str, Any]) -> str:
    lines = "".join([*_loosened(result), *_commit(result["run"]), *(f"- {plain(line)}\n" for line in _said(result))])
    return f"\n{lines}\n{plain(rules_out(result))}\n"


def _said(result: Mapping[str, Any]) -> list[str]:
    said = [words.spent_in_all(result), words.provenance(result), words.proposed_baselines(result)]
    unpriced = (result.get("execution") or {}).get("unpriced_models")
    said += [f"not covered by the budget, as their price is unknown: {', '.join(unpriced)}"] if unpriced else []
    said += (result.get("execution") or {}).get("warnings") or []
    return [line for line in said[:20] if line]


def _loosened(result: Mapping[str, Any]) -> Iterator[str]:
    """What the branch made easier to keep: a pass may be owed to it."""
    found = [row for row in (result.get("execution") or {}).get("changes") or () if row.get("loosened")]
    for row in found[:_LOOSENED]:
        where = " · ".join(str(row[name]) for name in ("test", "gate") if row.get(name))
        kind = plain(str(row.get("kind") or "change"))
        yield f"- **loosened** {kind}: {code(': '.join(filter(None, [where, str(row.get('text') or '')])), _CHANGE)}\n"
    if len(found) > _LOOSENED:
        yield f"- {len(found) - _LOOSENED:,} more were loosened, see `report.html`\n"


def _commit(run: Mapping[str, Any]) -> Iterator[str]:
    if run.get("commit"):
        changed = ", with uncommitted changes" if run.get("dirty") else ""
        yield f"- commit {code(str(run['commit'])[:12])}{changed}\n"


def _rows(sheet: _Sheet, found: list[Finding]) -> int:
    """A row a finding; how many fitted."""
    if not found or not sheet.add(f"\n{_HEAD}"):
        return 0
    for number, one in enumerate(found):
        mark = f"**{one.verdict}**" if one.blocking else f"{one.verdict}, does not block"
        if not sheet.add(f"| {mark} | {code(one.test)} | {code(one.gate)} | {plain(one.text)} |\n"):
            return number
    return len(found)


def _replies(sheet: _Sheet, result: Mapping[str, Any], view: RunView) -> None:
    for test in sorted(result["tests"], key=lambda test: -Outcome(test["verdict"]).rank):
        rows = test.get("failing", ()) if test["verdict"] != "pass" else ()
        if rows and not sheet.add(_folded(_title(test), "\n".join(_shown(rows, view)))):
            return


def _title(test: Mapping[str, Any]) -> str:
    number, or_more = failed(test)
    return f"{html_code(test['id'])}: {'at least ' if or_more else ''}{words.counted(number, 'failing trial')}"


def _shown(rows: Sequence[Mapping[str, Any]], view: RunView) -> Iterator[str]:
    groups = alike([row] for row in rows)
    for group in groups[:_REPLIES]:
        row = group[0][0]
        also = f" (and {words.counted(len(group) - 1, 'trial')} alike)" if len(group) > 1 else ""
        yield f"{code(_PLACE.format(**row))}{also}: {plain(row.get('reason') or 'no reason is kept')}\n"
        text = view.said(row["reply"]) if row.get("reply") else None
        yield f"{fenced(text, _REPLY)}\n" if text is not None else "No reply is kept.\n"
    if len(groups) > _REPLIES:
        yield f"{sum(map(len, groups[_REPLIES:])):,} more in `report.html`.\n"


def _passed(sheet: _Sheet, tests: Sequence[Mapping[str, Any]]) -> None:
    if not tests:
        return
    rows = [f"- {code(test['id'])}: {plain(words.sentence(test))}" for test in tests[:_PASSED]]
    more = [f"- {len(tests) - _PASSED:,} more"] if len(tests) > _PASSED else []
    sheet.add(_folded(f"{words.counted(len(tests), 'test')} passed", "\n".join([*rows, *more])))


def _folded(title: str, body: str) -> str:
    """A part that is opened by a click. title: HTML, so our own words, and those of others by `html_code` alone."""
    return f"\n<details><summary>{title}</summary>\n\n{body}\n</details>\n"
