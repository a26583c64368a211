"""What a run was started with, and its JSON files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.store.atomic import write_atomic
from pytest_llmgate.store.lines import to_bytes

_SCHEMA = "llmgate.run/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunManifest:
    """What a run was started with (`run.json`).

    seed: of all its tests; None where they differ, and then `options` has those of its tests under `seeds`.
    started: ISO 8601 in UTC. tests: ids in collection order. question: digest of the plan without its seeds.
    attempt: 1 for the first run of this plan, whatever its seeds, at this commit. live: whether any reply was drawn
    anew rather than replayed. finished: whether it ended by itself.
    """

    id: str
    seed: int | None
    plan_digest: str
    record: str
    commit: str | None
    dirty: bool | None
    started: str
    versions: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    tests: tuple[str, ...] = ()
    question: str = ""
    attempt: int = 1
    live: bool = True
    finished: bool = False

    @property
    def seeds(self) -> Mapping[str, int] | None:
        """Where seeds differ: by suite file, or by test in a file whose tests have several; else None."""
        found: Mapping[str, int] = self.options.get("seeds") or {}
        files: dict[str, set[int]] = {}
        for test, seed in found.items():
            files.setdefault(_file(test), set()).add(seed)
        return {_file(test) if len(files[_file(test)]) == 1 else test: seed for test, seed in found.items()} or None

    def seed_of(self, test: str) -> int | None:
        """The root seed of one of its tests."""
        return (self.options.get("seeds") or {}).get(test, self.seed)


def _file(test: str) -> str:
    """The suite file in a test's id."""
    return test.partition("::")[0]


def write_manifest(path: Path, manifest: RunManifest) -> None:
    """Write a `run.json`."""
    write_json(path, {"schema": _SCHEMA, **plain(manifest)})


def read_manifest(path: Path) -> RunManifest:
    """Read a `run.json`; raises `run-damaged`."""
    row = read_json(path)
    if not isinstance(row, dict) or row.get("schema") != _SCHEMA:
        found = row.get("schema") if isinstance(row, dict) else None
        raise damaged(path, f"its schema is {found!r}, and this version reads {_SCHEMA!r}")
    known = {item.name: row[item.name] for item in fields(RunManifest) if item.name in row}
    try:
        known["tests"] = tuple(str(test) for test in known["tests"])
        manifest = RunManifest(**known)
    except (KeyError, TypeError):
        raise damaged(path, "it lacks fields") from None
    if not isinstance(manifest.id, str) or not (manifest.seed is None or type(manifest.seed) is int):
        raise damaged(path, "its id or seed is of another type")
    return manifest


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, keys in the order given; raises ValueError for a NaN."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomic(path, to_bytes(text) + b"\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file of a run; raises `run-damaged`."""
    try:
        return json.loads(path.read_bytes())
    except OSError as fault:
        raise damaged(path, fault.strerror or "unreadable") from None
    except (ValueError, RecursionError) as fault:
        raise damaged(path, str(fault)) from None


def is_ours(path: Path) -> bool:
    """Whether a JSON file says that a run wrote it."""
    try:
        content = read_json(path)
    except LlmgateError:
        return False
    return isinstance(content, dict) and str(content.get("schema")).startswith("llmgate.")


def damaged(path: Path, what: str) -> LlmgateError:
    """The problem of a run's file that cannot be used."""
    hint = "start a new run with: pytest --llm-suite"
    return problem("run-damaged", f"the run's file is damaged: {what}", Where(str(path)), hint)
