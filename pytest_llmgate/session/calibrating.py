"""`llmgate calibrate`: labels in, a calibration beside its suite out, with what it can and cannot show."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import MAX_BYTES, shown_under
from pytest_llmgate.core.plan import SUITE_SUFFIX
from pytest_llmgate.detectors.calibration import LEAST, Calibration, fit
from pytest_llmgate.detectors.calibration_file import name_beside, to_text
from pytest_llmgate.detectors.labels import Labels, labels_from
from pytest_llmgate.store.atomic import write_atomic

_MOST_REASONS = 5


class Calibrated(NamedTuple):
    """A calibration with the labels behind it and the file that was written."""

    known: Calibration
    labels: Labels
    path: Path


def calibrate(root: Path, labels: Path, suite: Path | None, wanted_false: float) -> Calibrated:
    """Fit the risk to labels and write it beside a suite file or test module.

    suite: None stands for the only suite beside the labels or under `suites/`. wanted_false: above 0 and below 1.
    Raises LlmgateError for labels that cannot be read or are of one class, and where the suite is not certain.
    """
    target = _suite(root, labels, suite)
    given = labels_from(_read(labels, root), shown_under(labels.resolve(), root.resolve()))
    if not given.examples:
        raise problem("labels-broken", _unscored(given), Where(str(labels)), "give each answer its source as context")
    known = fit(given.examples, wanted_false)
    path = target.with_name(name_beside(target.name))
    write_atomic(path, to_text(known).encode("utf-8"))
    return Calibrated(known, given, path)


def _suite(root: Path, labels: Path, suite: Path | None) -> Path:
    if suite is not None:
        if not suite.is_file():
            raise problem("file-missing", f"there is no file {str(suite)!r}", None, "name a suite file or test module")
        return suite
    folders = {labels.resolve().parent, (root / "suites").resolve()}
    found = sorted({path for folder in folders for path in folder.glob(f"*{SUITE_SUFFIX}")})
    if len(found) != 1:
        raise problem("calibrate-suite", f"{len(found)} suites could be meant", None, "say which: --suite FILE")
    return found[0]


def _read(path: Path, root: Path) -> str:
    name = shown_under(path.resolve(), root.resolve())
    try:
        if path.stat().st_size > MAX_BYTES:
            raise problem("file-too-large", f"{name!r} is larger than {MAX_BYTES >> 20} MiB", None)
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as fault:
        raise problem("file-not-utf8", f"{name!r} is not UTF-8 text: {fault.reason}", None) from None
    except OSError as fault:
        raise problem("file-unreadable", f"{name!r} cannot be read: {fault.strerror}", None) from None


def lines(done: Calibrated, root: Path) -> list[str]:
    """What a reader has to know, for the terminal."""
    known = done.known
    head = [f"{known.labels} labels: {known.bad} hallucinated, {known.good} good; AUROC {known.auroc:.3f} out of fold"]
    if done.labels.unscored:
        head.append(_unscored(done.labels))
    if known.calibrated:
        head += _figures(known)
    else:
        head.append(f"uncalibrated: it takes {LEAST} labels; the shipped risk ranks answers and decides nothing")
    return [*head, f"written: {shown_under(done.path.resolve(), root.resolve())}"]


def _figures(known: Calibration) -> list[str]:
    table = [
        f"  {part.low:.1f} - {part.high:.1f}   {part.said:5.2f}   {part.seen:5.2f}   {part.size:6d}"
        for part in known.table
    ]
    promise = (
        f"threshold {known.threshold:.3f} for {known.wanted_false:.1%} false flags: {known.false_flags} of "
        f"{known.good} good answers flagged (at most {known.false_upper:.1%} at 95 %), {known.caught} of {known.bad} "
        f"hallucinated ones (at least {known.recall_lower:.1%})"
    )
    return [
        f"ECE {known.ece:.3f}",
        "  risk         said    seen   answers",
        *table,
        promise,
        f"allows max_flag_rate from {known.false_upper:.1%} on",
    ]


def _unscored(labels: Labels) -> str:
    shown = "; ".join(f"line {line}: {reason}" for line, reason in labels.unscored[:_MOST_REASONS])
    more = len(labels.unscored) - _MOST_REASONS
    return f"{len(labels.unscored)} answers cannot be scored ({shown}{f'; and {more} more' if more > 0 else ''})"
