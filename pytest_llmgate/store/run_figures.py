"""The figures of a run that the history keeps, read strictly: a result that was edited is damaged, not believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.history import Drawn, GateFigures, Kind, RunFigures, TestFigures
from pytest_llmgate.core.plan import EQUIVALENT, UNRATED
from pytest_llmgate.store.manifest import RunManifest, damaged

_MOST = 2**53


def run_figures(result: Mapping[str, Any], manifest: RunManifest, folder: Path, path: str) -> RunFigures:
    """The figures of a run from its `result.json` and `run.json`.

    folder: where it lies. path: how the index names that. Raises `run-damaged` for a field that is missing, of another
    type or out of range.
    """
    try:
        run, execution = result["run"], result["execution"]
        if run["id"] != manifest.id:
            raise ValueError("run.json and result.json are of two runs")
        return RunFigures(
            id=_text(manifest.id),
            path=_text(path),
            started=_text(manifest.started),
            record=_text(run["record"]),
            drawn=_drawn(run.get("live", manifest.live), _count(execution.get("replayed_trials", 0))),
            commit=None if run["commit"] is None else _text(run["commit"]),
            dirty=None if run["dirty"] is None else _flag(run["dirty"]),
            attempt=_count(run["attempt"]),
            interrupted=_flag(run["interrupted"]),
            tests=tuple(_test(row, manifest) for row in result["tests"]),
        )
    except KeyError as fault:
        raise damaged(folder / "result.json", f"it lacks {fault}") from None
    except (TypeError, ValueError, AttributeError, InvalidOperation) as fault:
        raise damaged(folder / "result.json", str(fault)) from None


def _drawn(live: object, replayed: int) -> Drawn:
    if _flag(live):
        return "mixed" if replayed else "live"
    return "recorded" if replayed else "offline"


def _test(row: Mapping[str, Any], manifest: RunManifest) -> TestFigures:
    usage = row["usage"]
    sent, received = usage["input_tokens"], usage["output_tokens"]
    return TestFigures(
        id=_text(row["id"]),
        verdict=Outcome(row["verdict"]).value,
        seed=_count(manifest.seed_of(row["id"]), least=-_MOST),
        trials=_count(row["trials"]),
        tokens=None if sent is None or received is None else _count(sent) + _count(received),
        cost_usd=None if usage["cost_usd"] is None else _money(usage["cost_usd"]),
        gates=tuple(_gate(gate, whole=not row.get("holes")) for gate in row["gates"]),
    )


def _gate(row: Mapping[str, Any], *, whole: bool) -> GateFigures:
    """whole: every trial of the test could be scored."""
    successes, type_ = row["successes"], _text(row["type"])
    n, holes = _count(row["n"]), _count(row.get("holes", 0))
    if holes + _count(successes or 0) > n:
        raise ValueError(f"a gate has {successes} successes and {holes} holes in {n} trials")
    kind, (good, of) = _kind(row, type_), _good(row, n - holes, whole=whole)
    figures = row.get("figures") or {}
    return GateFigures(
        name=_text(row["name"]),
        type=type_,
        verdict=Outcome(row["verdict"]).value,
        blocking=_flag(row.get("blocking", True)),
        rated=kind == "rate",
        n=n,
        successes=None if successes is None else _count(successes),
        holes=holes,
        estimate=_number(row["estimate"]),
        threshold=_number(row["threshold"]),
        bad=_number(row["bad"]),
        stop_reason=_text(row["stop_reason"]),
        kind=kind,
        good=good,
        good_of=of,
        quantile=_number(figures.get("quantile")),
        quantile_ms=_number(figures.get("quantile_ms")),
    )


def _kind(row: Mapping[str, Any], type_: str) -> Kind:
    """What the estimate of a gate is."""
    compared = (row.get("compared") or {}).get("kind", "latency")  # one on latencies asks for a rate, at its limit
    if compared == "usage":
        return "difference" if "runaways" in (row.get("figures") or {}) else "ratio"
    if compared == "quality":
        return "difference"
    if type_ in ("distribution", EQUIVALENT):
        return "distance"
    return "rate" if row["successes"] is not None and type_.removeprefix("not-") not in UNRATED else "value"


def _good(row: Mapping[str, Any], scored: int, *, whole: bool) -> tuple[float | None, int]:
    """The share of good replies and of how many: of the trials that were scored, else of all that were drawn."""
    successes, drawn, of = row["successes"], row.get("successes_all"), _count(row.get("n_all") or 0)
    if successes is None:
        return None, 0
    if scored:
        return _count(successes) / scored, scored
    if drawn is None or not of or not whole or _count(drawn) > of:
        return None, 0
    return drawn / of, of


def _text(value: object) -> str:
    """A text without lone surrogates, which a database cannot hold."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value.encode("utf-8", "backslashreplace").decode()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r:.40} is neither true nor false")
    return value


def _count(value: object, least: int = 0) -> int:
    if type(value) is not int or not least <= value < _MOST:
        raise TypeError(f"{value!r:.40} is no whole number in range")
    return value


def _number(value: object) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        raise TypeError(f"{value!r:.40} is no number")
    return float(value)  # type: ignore[arg-type]


def _money(value: object) -> str:
    amount = Decimal(_text(value))
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{value!r:.40} is no amount of money")
    return format(amount, "f")
