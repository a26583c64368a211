"""Calibrated devices: the four that come along, a user's own file, and everything that makes a file unfit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.quantum.snapshots import load_snapshot, parse_snapshot, snapshot_folder, snapshot_names

QUBITS = {"manila": 5, "brisbane": 127, "torino": 133, "sherbrooke": 127}


def manila() -> dict[str, Any]:
    """The smallest snapshot, to be spoilt."""
    return json.loads((snapshot_folder() / "manila.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", QUBITS)
def test_the_snapshots_come_along(name: str) -> None:
    found = load_snapshot(name)
    assert len(found.qubits) == QUBITS[name]
    assert found.source.startswith("qiskit-ibm-runtime ")
    assert found.calibrated[:2] == "20"
    assert (snapshot_folder() / f"{name}.json").stat().st_size < 40_000
    assert name in snapshot_names()


@pytest.mark.parametrize("name", ["brisbane", "ibm_brisbane", "fake_brisbane"])
def test_names_as_ibm_and_qiskit_write_them(name: str) -> None:
    assert load_snapshot(name) == load_snapshot("brisbane")


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(LlmgateError, match="did you mean 'brisbane'") as caught:
        load_snapshot("brisbaen", where=Where("q.suite.yaml", 4))
    assert caught.value.problems[0].code == "unknown-snapshot"
    assert str(caught.value.problems[0].where) == "q.suite.yaml:4"


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    data = manila() | {"name": "mine"}
    (tmp_path / "mine.json").write_text(json.dumps(data), encoding="utf-8")
    found = load_snapshot("mine.json", SuiteFiles(tmp_path, tmp_path))
    assert found.name == "mine"
    assert found.digest == load_snapshot("manila").digest, "the digest speaks of the figures, not of the file"


def test_a_file_outside_of_the_root_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "mine.json").write_text("{}", encoding="utf-8")
    with pytest.raises(LlmgateError, match="leads out of"):
        load_snapshot("../mine.json", SuiteFiles(tmp_path / "root", tmp_path / "root"))


def spoil(table: str, row: int, column: int, value: Any) -> dict[str, Any]:
    data = manila()
    data[table][row][column] = value
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (spoil("qubits", 1, 0, float("nan")), "NaN is not a figure"),
        (spoil("qubits", 1, 0, float("inf")), "Infinity is not a figure"),
        (spoil("qubits", 1, 0, 0), r"qubits\[1\]: t1_us is 0, not above 0"),
        (spoil("qubits", 2, 1, -3), r"qubits\[2\]: t2_us is -3, not above 0"),
        (spoil("qubits", 2, 2, 1.5), r"qubits\[2\]: p01 is 1.5, not a probability"),
        (spoil("qubits", 0, 4, "0.1"), r"error_1q is '0.1', not a finite number"),
        (spoil("qubits", 0, 4, True), "error_1q is True, not a finite number"),
        (spoil("qubits", 0, 5, -35), "ns_1q is -35, below 0"),
        (spoil("edges", 3, 2, -0.1), r"edges\[3\]: error_2q is -0.1, not a probability"),
        (spoil("edges", 3, 0, 1.5), r"edges\[3\]: control is 1.5, not the number of a qubit"),
        (spoil("edges", 3, 1, 5), r"edges\[3\] couples \(\d, 5\): not two different qubits of 0 … 4"),
        (manila() | {"edges": manila()["edges"] * 2}, "stands twice"),
        (manila() | {"qubits": []}, "1 to 5000 qubits, not 0"),
        (manila() | {"qubits": [[1, 2]]}, "is not a list of 6 figures"),
        (manila() | {"schema": "llmgate.noise/9"}, "this version reads 'llmgate.noise/1'"),
        (manila() | {"two_qubit_gate": "swap"}, "not one of cx, cz, ecr"),
        (manila() | {"qubit_columns": ["t2_us", "t1_us"]}, "qubit_columns must be"),
        (manila() | {"qubit": []}, "unknown key 'qubit': did you mean 'qubits'"),
        (manila() | {"source": ""}, "'source' is not a text"),
        ({}, "schema is None"),
        ([], "holds no object"),
    ],
)  # fmt: skip
def test_an_unfit_file_is_refused_by_the_figure_that_is_wrong(data: Any, message: str) -> None:
    with pytest.raises(LlmgateError, match=message) as caught:
        parse_snapshot(json.dumps(data), "mine.json")
    assert caught.value.problems[0].code == "bad-snapshot"


@pytest.mark.parametrize("text", ["", "{", '{"schema": 1, "schema": 1}', "[" * 100_000])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        parse_snapshot(text, "mine.json")
    assert caught.value.problems[0].code == "bad-snapshot"
