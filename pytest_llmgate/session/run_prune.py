"""Pruning runs: directories of old runs go, baselines and cassettes stay."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pytest_llmgate.core.errors import problem
from pytest_llmgate.store.cassette_merge import recover
from pytest_llmgate.store.pruning import OldRun, old_runs, remove_run

_AGE = re.compile(r"(\d{1,6})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def age(text: str) -> timedelta:
    """An age such as `30d`, `12h`, `4w`; raises LlmgateError (`bad-option`)."""
    match = _AGE.fullmatch(text.strip().lower())
    if match is None:
        hint = "write --older-than 30d, or 12h, or 4w"
        raise problem("bad-option", f"--older-than takes hours, days or weeks, not {text!r}", None, hint)
    return timedelta(hours=int(match[1]) * _HOURS[match[2]])


def prune(root: Path, older_than: str, *, really: bool, now: datetime | None = None) -> list[OldRun]:
    """The runs that are older; deleted where `really`, after what killed ones recorded was brought into cassettes."""
    found = old_runs(root, _before(age(older_than), now or datetime.now(UTC)))
    if not really or not found:
        return found
    recover(root)
    return [old for old in found if remove_run(root, old)]


def _before(older: timedelta, now: datetime) -> datetime:
    try:
        return now - older
    except OverflowError:  # before there were calendars
        return datetime.min.replace(tzinfo=UTC)


def lines(found: list[OldRun], *, really: bool) -> list[str]:
    """What was, or would be, deleted."""
    if not found:
        return ["no run is older"]
    listed = [f"{old.run.id}  {old.began:%Y-%m-%d %H:%M}  {old.size / 1024:,.0f} KB" for old in found]
    size = sum(old.size for old in found) / 1024
    runs = "1 run" if len(found) == 1 else f"{len(found):,} runs"
    if really:
        return [*listed, f"deleted: {runs}, {size:,.0f} KB"]
    return [*listed, f"{runs}, {size:,.0f} KB; nothing was deleted: add --yes to delete them"]
