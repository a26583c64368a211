"""The calibration beside a suite: `support.calibration.json`, meant for git."""

from __future__ import annotations

import json
import math
from pathlib import PurePosixPath
from typing import Any

from pytest_llmgate.core.codec import digest, plain
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.detectors.calibration import CONTRADICTION, Calibration
from pytest_llmgate.detectors.figures import Bin
from pytest_llmgate.detectors.grounding.score import Model, shipped

SCHEMA = "llmgate.calibration/1"
_SUITE = ".suite.yaml"


def name_beside(suite: str) -> str:
    """The file's name for a suite file or a test module, whatever its folder."""
    name = PurePosixPath(suite).name
    stem = name.removesuffix(_SUITE) if name.endswith(_SUITE) else name.removesuffix(".py")
    return f"{stem}.calibration.json"


def model_digest(model: Model | None = None) -> str:
    """Digest of the shipped figures that a calibration builds on: names, weights and constant."""
    known = model or shipped()
    return digest([known.names, known.weights, known.constant, known.sharpness])


def to_text(known: Calibration) -> str:
    """The file's text: sorted, one figure a line, without a date."""
    row = {"schema": SCHEMA, "model": model_digest(), **plain(known)}
    row["table"] = [plain(part._asdict()) for part in known.table]
    return json.dumps(row, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def calibration_digest(known: Calibration) -> str:
    """What a baseline that rests on a calibration is keyed by."""
    return digest(json.loads(to_text(known)))


def from_text(text: str, where: Where | None) -> Calibration:
    """The calibration of a file's text; raises LlmgateError where it is broken, of another version or outdated."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise _broken(f"it is not JSON: {fault}", where) from None
    if not isinstance(row, dict) or row.get("schema") != SCHEMA:
        raise _broken(f"it is not of the form {SCHEMA}", where)
    if row.get("model") != model_digest():
        hint = "run llmgate calibrate again"
        raise problem("calibration-outdated", "the calibration was fitted to other shipped coefficients", where, hint)
    try:
        return _checked(_calibration(row))
    except (KeyError, TypeError, ValueError, OverflowError) as fault:
        raise _broken(f"{type(fault).__name__}: {str(fault)[:100]}", where) from None


def _calibration(row: dict[str, Any]) -> Calibration:
    return Calibration(
        names=tuple(str(name) for name in row["names"]),
        weights=tuple(_number(weight) for weight in row["weights"]),
        table=tuple(_bin(part) for part in row["table"]),
        constant=_number(row["constant"]),
        threshold=_number(row["threshold"]),
        wanted_false=_number(row["wanted_false"]),
        auroc=_number(row["auroc"]),
        ece=_number(row["ece"]),
        labels=_count(row["labels"]),
        bad=_count(row["bad"]),
        false_flags=_count(row["false_flags"]),
        caught=_count(row["caught"]),
    )


def _bin(part: dict[str, Any]) -> Bin:
    low, high, said, seen = (_number(part[name]) for name in ("low", "high", "said", "seen"))
    return Bin(low, high, said, seen, _count(part["size"]))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def _checked(known: Calibration) -> Calibration:
    """What the counts must be to each other; a file that was edited by hand must not open a gate."""
    names = shipped().names
    if known.names not in (names, (*names, CONTRADICTION)) or len(known.weights) != len(known.names):
        raise ValueError("other figures than those of this version")
    if not (0 < known.bad < known.labels and known.caught <= known.bad and known.false_flags <= known.good):
        raise ValueError("counts that cannot be")
    if not (0.0 < known.threshold <= 1.0 and 0.0 < known.wanted_false < 1.0):
        raise ValueError("a threshold that is no risk")
    return known


def _broken(what: str, where: Where | None) -> LlmgateError:
    return problem(
        "calibration-broken", f"the calibration file cannot be used: {what}", where, "run llmgate calibrate again"
    )
