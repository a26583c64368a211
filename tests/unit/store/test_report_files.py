"""Files of reports: where they may lie, and what is left of those of an earlier run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store.report_files import (
    ReportNote,
    read_note,
    remove_report_files,
    write_note,
    write_report_file,
)


@pytest.mark.parametrize("name", ["report.html", "a.json", "report/suite-1.html", "badge.svg", "Table_2.csv"])
def test_a_report_may_write_beside_the_records(tmp_path: Path, name: str) -> None:
    assert write_report_file(tmp_path, name, "lone \ud800").read_text() == "lone \\ud800"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../a", "a/../b", "/tmp/a", "a/b/c", ".hidden", "a\\b", "a\nb", "x" * 300, "result.json",
     "run.lock", "reports.json", "trials.jsonl", "trials.gw0.jsonl", "stop", "plan.json", "any.lock"],
)  # fmt: skip
def test_a_report_may_not_leave_the_folder_or_replace_a_record(tmp_path: Path, name: str) -> None:
    with pytest.raises(LlmgateError, match="report-file"):
        write_report_file(tmp_path, name, "x")
    assert not list(tmp_path.iterdir())


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    note = ReportNote({"html": ("report.html",)}, {"sarif": "KeyError: 'x'"})
    write_note(tmp_path, note)
    assert read_note(tmp_path) == note
    assert read_note(tmp_path).names == ("html", "sarif")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 7, "failed": {}}', '{"files": {"a": 7}, "failed": {}}'])
def test_a_damaged_note_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "reports.json").write_text(text)
    assert read_note(tmp_path) == ReportNote()


def test_a_forged_note_removes_no_file_of_others(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("mine")
    run = tmp_path / "run"
    run.mkdir()
    (run / "result.json").write_text("{}")
    (run / "reports.json").write_text('{"files": {"html": ["../other.txt", "result.json"]}, "failed": {}}')
    remove_report_files(run, read_note(run).files["html"])
    assert (tmp_path / "other.txt").exists()
    assert (run / "result.json").exists()


def test_an_emptied_folder_of_a_report_goes_too(tmp_path: Path) -> None:
    write_report_file(tmp_path, "report/a.html", "x")
    remove_report_files(tmp_path, ("report/a.html", "report/gone.html"))
    assert not (tmp_path / "report").exists()
