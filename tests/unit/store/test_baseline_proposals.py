"""What a run proposes: the same file whatever the workers, and nothing of an earlier run."""

from __future__ import annotations

from pathlib import Path

import pytest
from baseline_samples import SUITE, counted, fresh

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store.proposals import PROPOSED, append_proposal, merge_proposals, read_proposals, write_proposals
from pytest_llmgate.store.rundir import RunDir

PROPOSALS = [
    fresh(test=f"{SUITE}::t{n % 7}", arm=f"noise×{n}" if n % 3 else "", outcomes=c.outcomes, total=c.total, kind=c.kind)
    for n, c in ((n, counted({"00": n + 1, "11": 2})) for n in range(12))
]


@pytest.mark.parametrize("workers", [["main"], ["gw0", "gw1"], ["gw0", "gw1", "gw2", "gw3"]])
def test_the_same_bytes_whatever_the_worker_count(tmp_path: Path, workers: list[str]) -> None:
    alone = RunDir.create(tmp_path)
    write_proposals(alone, PROPOSALS)
    run = RunDir.create(tmp_path)
    for number, proposal in enumerate(reversed(PROPOSALS)):
        append_proposal(run, workers[number % len(workers)], proposal)
    merge_proposals(run)
    assert (run.path / PROPOSED).read_bytes() == (alone.path / PROPOSED).read_bytes()
    assert not list(run.path.glob("proposals.*"))


def test_a_run_that_only_checks_proposes_nothing(tmp_path: Path) -> None:
    assert read_proposals(RunDir.create(tmp_path)) is None


def test_a_run_that_proposes_but_has_no_circuit_says_so(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    assert merge_proposals(run) == {}
    assert read_proposals(run) == {}


def test_a_line_that_a_kill_cut_off_costs_that_line_only(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    append_proposal(run, "main", PROPOSALS[0])
    segment = run.path / "proposals.main.jsonl"
    segment.write_bytes(segment.read_bytes() + segment.read_bytes()[: len(segment.read_bytes()) // 2])
    append_proposal(run, "main", PROPOSALS[1])
    assert merge_proposals(run) == {item.key: item for item in PROPOSALS[:2]}


def test_a_resumed_run_keeps_what_it_proposed_and_the_later_word_counts(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    for proposal in PROPOSALS[:2]:
        append_proposal(run, "main", proposal)
    merge_proposals(run)
    later = fresh(test=PROPOSALS[1].test, arm=PROPOSALS[1].arm, circuit_digest="sha256:c2")
    append_proposal(run, "main", later)
    assert merge_proposals(run) == {PROPOSALS[0].key: PROPOSALS[0], later.key: later}


def test_a_new_run_in_the_same_folder_begins_without_proposals(tmp_path: Path) -> None:
    """Else an accept would take the figures of another run for this one's."""
    run = RunDir.create(tmp_path, tmp_path / "results")
    append_proposal(run, "gw0", PROPOSALS[0])
    write_proposals(run, PROPOSALS)
    again = RunDir.create(tmp_path, tmp_path / "results")
    assert read_proposals(again) is None
    assert merge_proposals(again) == {}


def test_damaged_proposals_are_named(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    write_proposals(run, PROPOSALS)
    path = run.path / PROPOSED
    path.write_text(path.read_text().replace('"total": 3', '"total": 4'))
    with pytest.raises(LlmgateError, match=r"baseline\.proposed\.json: .* damaged: the outcomes sum to 3"):
        read_proposals(run)
