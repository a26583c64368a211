"""What a run wrote down of its circuit tests."""

from __future__ import annotations

import json

from pytest_llmgate.session.circuits.question import Brief, brief_from_row
from pytest_llmgate.store.manifest import damaged
from pytest_llmgate.store.rundir import RunDir


def brief_of(run: RunDir, test_id: str) -> Brief | None:
    """What deciding a circuit test needs, None where the run did not get so far; raises `run-damaged`."""
    for path in sorted(run.path.glob("circuits.*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                    if row["test"] == test_id:
                        return brief_from_row(row)
                except (ValueError, KeyError, TypeError) as fault:
                    if line.endswith("\n"):
                        raise damaged(path, str(fault)) from None
    return None
