"""`llmgate calibrate`: from a file of labels to a file beside the suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_llmgate.cli.calibrate import calibrate as command
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.detectors.calibration_file import from_text
from pytest_llmgate.session.calibrating import calibrate, lines


def written(folder: Path, count: int, suites: int = 1) -> Path:
    """Labels about bridges, of which every third is wrong in its year."""
    for number in range(suites):
        (folder / f"s{number}.suite.yaml").write_text("suite: s\n", encoding="utf-8")
    rows = []
    for number in range(count):
        wrong = number % 3 == 0
        year = 1900 + number
        reply = (
            f"The {year + 3 if wrong else year} bridge of Halden{number} was opened with a length of {40 + number} m."
        )
        source = f"The bridge of Halden{number} was opened in {year}. Its length is {40 + number} metres."
        rows.append(json.dumps({"reply": reply, "context": source, "label": int(wrong)}))
    path = folder / "labels.jsonl"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_the_file_stands_beside_the_suite_and_the_lines_say_what_it_allows(tmp_path: Path) -> None:
    done = calibrate(tmp_path, written(tmp_path, 120), None, 0.05)
    assert done.path == tmp_path / "s0.calibration.json"
    assert from_text(done.path.read_text(encoding="utf-8"), None) == done.known
    said = "\n".join(lines(done, tmp_path))
    for part in (
        "120 labels: 40 hallucinated",
        "AUROC",
        "ECE",
        "threshold",
        "of 80 good",
        "allows max_flag_rate",
        "s0.cal",
    ):
        assert part in said


def test_few_labels_are_called_uncalibrated(tmp_path: Path) -> None:
    said = "\n".join(lines(calibrate(tmp_path, written(tmp_path, 30), None, 0.05), tmp_path))
    assert "uncalibrated: it takes 50 labels" in said
    assert "threshold" not in said


def test_the_suite_must_be_certain(tmp_path: Path) -> None:
    labels = written(tmp_path, 60, suites=2)
    with pytest.raises(LlmgateError, match="calibrate-suite"):
        calibrate(tmp_path, labels, None, 0.05)
    assert calibrate(tmp_path, labels, tmp_path / "s1.suite.yaml", 0.05).path.name == "s1.calibration.json"


def test_nothing_is_written_where_nothing_can_be_scored(tmp_path: Path) -> None:
    labels = written(tmp_path, 0)
    labels.write_text('{"reply": "Yes.", "context": "No.", "label": 1}', encoding="utf-8")
    with pytest.raises(LlmgateError, match="line 1: the reply says nothing"):
        calibrate(tmp_path, labels, None, 0.05)
    assert not list(tmp_path.glob("*.calibration.json"))


def test_the_command_prints_the_lines_and_ends_with_2_for_a_mistake(tmp_path: Path) -> None:
    labels = written(tmp_path, 60)
    suite = str(tmp_path / "s0.suite.yaml")
    done = CliRunner().invoke(command, [str(labels), "--suite", suite])
    assert done.exit_code == 0, done.output
    assert "written:" in done.output
    labels.write_text("{", encoding="utf-8")
    failed = CliRunner().invoke(command, [str(labels), "--suite", suite])
    assert failed.exit_code == 2
    assert "labels-broken" in failed.output
