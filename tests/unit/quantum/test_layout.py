"""Where circuits are laid: on good qubits that are coupled, by the width alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.quantum.layout import layout_for, usable_pairs
from pytest_llmgate.quantum.snapshots import load_snapshot, snapshot_names


@pytest.mark.parametrize("name", sorted(snapshot_names()))
def test_a_layout_is_a_path_of_usable_pairs(name: str) -> None:
    snapshot = load_snapshot(name)
    pairs = usable_pairs(snapshot)
    for n in (n for n in (1, 2, 3, 5, 8, 12, 20, 40) if n <= len(snapshot.qubits)):
        layout = layout_for(snapshot, n)
        assert len(set(layout)) == n
        assert all((a, b) in pairs or (b, a) in pairs for a, b in pairwise(layout))
        assert layout == layout_for(snapshot, n), "the same width gives the same qubits"


def test_pairs_that_were_not_calibrated_are_never_used() -> None:
    snapshot = load_snapshot("torino")
    broken = {(edge.control, edge.target) for edge in snapshot.edges if edge.error_2q >= 0.5}
    assert broken
    assert not broken & usable_pairs(snapshot)


def test_the_good_qubits_are_taken() -> None:
    """A path that is much worse than the rest of the device is avoided."""
    snapshot = load_snapshot("brisbane")
    best = layout_for(snapshot, 5)
    edges = tuple(edge._replace(error_2q=0.3) if edge.control in best else edge for edge in snapshot.edges)
    assert set(layout_for(replace(snapshot, edges=edges), 5)) != set(best)


def test_a_width_without_a_path_takes_a_connected_region() -> None:
    """A star of four qubits holds no path of four."""
    manila = load_snapshot("manila")
    star = tuple(edge._replace(control=0, target=leaf) for leaf, edge in zip((1, 2, 3), manila.edges, strict=False))
    layout = layout_for(replace(manila, edges=star), 4)
    assert layout[0] == 0
    assert sorted(layout) == [0, 1, 2, 3]


def test_more_qubits_than_the_device_couples_are_refused() -> None:
    with pytest.raises(LlmgateError, match="uses 6 qubits; manila couples at most 5 of its 5") as caught:
        layout_for(load_snapshot("manila"), 6)
    assert caught.value.problems[0].code == "circuit-too-wide"
