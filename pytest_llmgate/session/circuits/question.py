"""What one gate asks of one arm, with all that deciding needs: plain data, so that a run can be decided again."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pytest_llmgate.core.circuit import Arm

Kind = Literal["identity", "two-sample", "tolerance", "success", "expectation", "settled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One gate on one arm.

    arm: its place in the test. reference: probabilities by outcome. alternatives: (name, kind, probabilities).
    recorded: counts to compare with. group: a `group_by`, None for single outcomes. widths: of the registers as they
    are printed. verdict, reason: of a settled question. extra: what the verdict says beside the rule's figures.
    """

    gate: str
    arm: int
    kind: Kind
    widths: tuple[int, ...]
    reference: Mapping[str, float] | None = None
    alternatives: Sequence[tuple[str, str, Mapping[str, float]]] = ()
    recorded: Mapping[str, int] | None = None
    group: Any = None
    verdict: str = ""
    reason: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """All that deciding a circuit test needs beside its plan and its trials.

    steps: looks of a device that is asked in few large jobs, 0 for the schedule of simulators. facts: of the circuit,
    for reports. wanted: shots that every arm must reach whatever its gates say. given: shots that a test body returned,
    0 where they are drawn. simulated: of a device's arms, what the simulator expects of them.
    """

    test: str
    arms: tuple[Arm, ...]
    questions: tuple[Question, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 0
    wanted: int = 0
    given: int = 0
    simulated: Sequence[Mapping[str, float] | None] = ()

    def to_line(self) -> str:
        """The brief as one line of JSON text; floats come back as they were."""
        packed = zlib.compress(json.dumps(asdict(self), separators=(",", ":")).encode(), 6)
        return json.dumps({"test": self.test, "brief": base64.b64encode(packed).decode()})


def brief_from_row(row: Mapping[str, Any]) -> Brief:
    """A brief from its parsed line; raises ValueError for anything else."""
    try:
        data = json.loads(zlib.decompress(base64.b64decode(row["brief"], validate=True)))
        arms = tuple(Arm(**{**arm, "totals": tuple(arm["totals"])}) for arm in data["arms"])
        questions = tuple(_question(item) for item in data["questions"])
    except (KeyError, TypeError, ValueError, zlib.error) as fault:
        raise ValueError(f"not the brief of a circuit test: {fault}") from None
    return Brief(**{**data, "arms": arms, "questions": questions})


def _question(row: Mapping[str, Any]) -> Question:
    alternatives = tuple((name, kind, p) for name, kind, p in row["alternatives"])
    return Question(**{**row, "alternatives": alternatives, "widths": tuple(row["widths"])})
