"""Circuit baselines as they stand in files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llmgate.core.baseline import PARTS, CircuitBaseline
from pytest_llmgate.core.baseline_key import BaselineKey
from pytest_llmgate.store.baseline_checks import Wrong, check_keys, count_of, object_of, text_of, text_or_null

KINDS = ("probabilities", "counts")
_TEXTS = ("circuit", "backend")
_DIGESTS = ("noise", "transpile")
_ROW = frozenset({"kind", "widths", "outcomes", "total", "shape", "reason", "author", *_TEXTS, *_DIGESTS})
_SHAPE = frozenset({"gates", "depth", "two_qubit"})


def row_of(entry: CircuitBaseline) -> dict[str, Any]:
    """An entry as it stands in files, without its key."""
    return {
        "kind": entry.kind,
        "widths": list(entry.widths),
        "outcomes": {outcome: number for outcome, number in entry.outcomes.items() if number},
        "total": entry.total,
        "circuit": entry.circuit_digest,
        "shape": {"gates": dict(entry.shape["gates"]), **{key: entry.shape[key] for key in ("depth", "two_qubit")}},
        "noise": entry.noise_digest,
        "transpile": entry.transpile_digest,
        "backend": entry.backend,
        "reason": entry.reason,
        "author": entry.author,
    }


def entry_from_row(key: BaselineKey, row: dict[str, Any], *keys: str) -> CircuitBaseline:
    """The entry that a row is; raises Wrong, whose keys begin with `keys`."""
    check_keys(row, _ROW, *keys)
    _check_texts(row, keys)
    widths = row["widths"]
    if not isinstance(widths, list) or not widths or not all(type(width) is int and width > 0 for width in widths):
        raise Wrong("'widths' is a list of whole numbers above 0", *keys, "widths")
    _check_shape(object_of(row["shape"], *keys, "shape"), keys)
    _check_outcomes(row, widths, keys)
    return CircuitBaseline(
        test=key.test,
        gate=key.gate,
        arm=key.arm,
        kind=row["kind"],
        widths=tuple(widths),
        outcomes=row["outcomes"],
        total=row["total"],
        circuit_digest=row["circuit"],
        shape=row["shape"],
        noise_digest=row["noise"],
        transpile_digest=row["transpile"],
        backend=row["backend"],
        reason=row["reason"],
        author=row["author"],
    )


def _check_texts(row: Mapping[str, Any], keys: Sequence[str]) -> None:
    for name in _TEXTS:
        text_of(row[name], *keys, name)
    for name in (*_DIGESTS, "author"):
        text_or_null(row[name], *keys, name)
    text_of(row["reason"], *keys, "reason", empty=True)


def _check_shape(shape: Mapping[str, Any], keys: Sequence[str]) -> None:
    if shape.keys() != _SHAPE:
        raise Wrong(f"'shape' has the keys {', '.join(sorted(_SHAPE))}", *keys, "shape")
    for name in ("depth", "two_qubit"):
        count_of(shape[name], *keys, "shape", name)
    for gate, number in object_of(shape["gates"], *keys, "shape", "gates").items():
        count_of(number, *keys, "shape", "gates", gate)


def _check_outcomes(row: Mapping[str, Any], widths: Sequence[int], keys: Sequence[str]) -> None:
    """Bitstrings of the right form, counts of at least 1, and a sum that is the total."""
    outcomes, total = object_of(row["outcomes"], *keys, "outcomes"), row["total"]
    form = re.compile(" ".join(f"[01]{{{width}}}" for width in widths))
    for outcome, number in outcomes.items():
        if not form.fullmatch(outcome):
            shown = " + ".join(map(str, widths))
            raise Wrong(f"{outcome!r} is no bitstring of {shown} bits", *keys, "outcomes", outcome)
        if count_of(number, *keys, "outcomes", outcome) == 0:
            raise Wrong(f"{outcome!r} never came: leave it out", *keys, "outcomes", outcome)
    count_of(total, *keys, "total")
    if sum(outcomes.values()) != total or total == 0:
        raise Wrong(f"the outcomes sum to {sum(outcomes.values())}, and 'total' is {total}", *keys, "total")
    if row["kind"] == "probabilities" and total != PARTS:
        raise Wrong(f"probabilities sum to {PARTS} parts, not to {total}", *keys, "total")
