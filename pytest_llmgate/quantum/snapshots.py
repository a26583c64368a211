"""Calibrated devices as small JSON files: read strictly, because a wrong figure would be a wrong verdict."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from pytest_llmgate.core.codec import digest
from pytest_llmgate.core.errors import LlmgateError, Where, nearest, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.quantum.calibration import PAIR_GATES

SCHEMA: Final = "llmgate.noise/1"
MOST_QUBITS: Final = 5000

_TEXTS = ("name", "source", "calibrated", "two_qubit_gate")
_TABLES = {
    "qubits": ("t1_us", "t2_us", "p01", "p10", "error_1q", "ns_1q"),
    "edges": ("control", "target", "error_2q", "ns_2q"),
}
_KEYS = {"schema", *_TEXTS, *_TABLES, "qubit_columns", "edge_columns"}
_PROBABILITIES = {"p01", "p10", "error_1q", "error_2q"}


class Qubit(NamedTuple):
    """Figures of one qubit: times in µs and ns, p01 = P(1 is read | 0), p10 = P(0 is read | 1), 1 - fidelity of sx."""

    t1_us: float
    t2_us: float
    p01: float
    p10: float
    error_1q: float
    ns_1q: float


class Edge(NamedTuple):
    """A pair of qubits that a gate couples: 1 - average fidelity (1: not calibrated) and duration in ns."""

    control: int
    target: int
    error_2q: float
    ns_2q: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A device as it was calibrated on one day.

    source: where the figures are from. calibrated: the day, ISO. two_qubit_gate: cx, cz or ecr. digest: of the figures.
    """

    name: str
    source: str
    calibrated: str
    two_qubit_gate: str
    qubits: tuple[Qubit, ...]
    edges: tuple[Edge, ...]
    digest: str


def snapshot_folder() -> Path:
    """Where the snapshots lie that come along: inside an installed package, beside the package in a checkout."""
    installed = Path(__file__).with_name("noise_data")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "fixtures" / "noise"


def snapshot_names() -> tuple[str, ...]:
    """Names of the snapshots that come along."""
    return tuple(sorted(path.stem for path in snapshot_folder().glob("*.json")))


def load_snapshot(name_or_path: str, files: SuiteFiles | None = None, where: Where | None = None) -> Snapshot:
    """A snapshot by its name, or by the path of a `.json` file that `files` may read.

    where: who asks, for messages. Raises LlmgateError: `unknown-snapshot`, `bad-snapshot`, or one of SuiteFiles.
    """
    if name_or_path.endswith(".json"):
        if files is None:
            raise problem("unknown-snapshot", f"{name_or_path!r}: files of snapshots are read by suites only", where)
        text, place = files.read_text(name_or_path, where), files.shown(files.resolve(name_or_path, where))
    else:
        known = snapshot_names()
        name = name_or_path.removeprefix("fake_").removeprefix("ibm_").lower()
        if name not in known:
            hint = f"{nearest(name, known)}, or the path of a snapshot file (.json)"
            raise problem("unknown-snapshot", f"there is no noise snapshot {name_or_path!r}", where, hint)
        path = snapshot_folder() / f"{name}.json"
        text, place = path.read_text(encoding="utf-8"), path.name
    return parse_snapshot(text, place)


@lru_cache(maxsize=8)
def parse_snapshot(text: str, place: str) -> Snapshot:
    """The snapshot that a file's text holds; `place` names the file in messages. Raises LlmgateError `bad-snapshot`."""
    data = _load_json(text, place)
    _check_keys(data, place)
    qubits = tuple(Qubit(*row) for row in _rows(data, "qubits", place))
    if not 0 < len(qubits) <= MOST_QUBITS:
        raise _bad(place, f"a device has 1 to {MOST_QUBITS} qubits, not {len(qubits)}")
    edges = tuple(Edge(int(row[0]), int(row[1]), *row[2:]) for row in _rows(data, "edges", place))
    _check_edges(edges, len(qubits), place)
    texts = {key: data[key] for key in _TEXTS}
    return Snapshot(**texts, qubits=qubits, edges=edges, digest=digest([texts["two_qubit_gate"], qubits, edges]))


def _bad(place: str, message: str) -> LlmgateError:
    hint = "docs/messages.md shows the shape; tools/snapshots.py of the project writes such files"
    return problem("bad-snapshot", message, Where(place), hint)


def _load_json(text: str, place: str) -> Mapping[str, Any]:
    def refuse(word: str) -> Any:
        raise _bad(place, f"{word} is not a figure of a device")

    def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise _bad(place, "a key stands twice")
        return found

    try:
        data = json.loads(text, parse_constant=refuse, object_pairs_hook=once_each)
    except (ValueError, RecursionError) as fault:
        raise _bad(place, f"the file is not JSON: {fault}") from None
    if not isinstance(data, dict):
        raise _bad(place, "the file holds no object")
    return data


def _check_keys(data: Mapping[str, Any], place: str) -> None:
    if data.get("schema") != SCHEMA:
        raise _bad(place, f"schema is {data.get('schema')!r}; this version reads {SCHEMA!r}")
    for key in sorted(_KEYS - set(data)):
        raise _bad(place, f"{key!r} is missing")
    for key in sorted(set(data) - _KEYS):
        raise _bad(place, f"unknown key {key!r}: {nearest(key, _KEYS)}")
    for key in _TEXTS:
        if not isinstance(data[key], str) or not data[key].strip():
            raise _bad(place, f"{key!r} is not a text")
    if data["two_qubit_gate"] not in PAIR_GATES:
        raise _bad(place, f"two_qubit_gate is {data['two_qubit_gate']!r}, not one of {', '.join(PAIR_GATES)}")
    for table, columns in _TABLES.items():
        found = data[f"{table[:-1]}_columns"]
        if not isinstance(found, list) or tuple(found) != columns:
            raise _bad(place, f"{table[:-1]}_columns must be {json.dumps(columns)}")


def _rows(data: Mapping[str, Any], table: str, place: str) -> list[list[float]]:
    rows, columns = data[table], _TABLES[table]
    if not isinstance(rows, list):
        raise _bad(place, f"{table!r} is not a list")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise _bad(place, f"{table}[{number}] is not a list of {len(columns)} figures: {', '.join(columns)}")
        for column, value in zip(columns, row, strict=True):
            if (wrong := _wrong(column, value)) is not None:
                raise _bad(place, f"{table}[{number}]: {column} is {value!r}, {wrong}")
    return rows


def _wrong(column: str, value: Any) -> str | None:
    """What is wrong with a figure, if anything is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return "not a finite number"
    if column in ("control", "target"):
        return None if isinstance(value, int) else "not the number of a qubit"
    if column in _PROBABILITIES:
        return None if 0.0 <= value <= 1.0 else "not a probability"
    if column.startswith("t"):
        return None if value > 0.0 else "not above 0"
    return None if value >= 0.0 else "below 0"


def _check_edges(edges: Sequence[Edge], n: int, place: str) -> None:
    seen: set[tuple[int, int]] = set()
    for number, edge in enumerate(edges):
        pair = (edge.control, edge.target)
        if not (0 <= edge.control < n and 0 <= edge.target < n) or edge.control == edge.target:
            raise _bad(place, f"edges[{number}] couples {pair}: not two different qubits of 0 … {n - 1}")
        if pair in seen:
            raise _bad(place, f"edges[{number}]: the pair {pair} stands twice")
        seen.add(pair)
