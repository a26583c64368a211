"""Hardware never gets more than the budget, whatever the number of runs, and what nobody settled counts as spent."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_samples import python

from pytest_llmgate.core.circuit import HardwareBudget
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.hardware import Reservation, ShotCost
from pytest_llmgate.store.shot_ledger import FileShotLedger, limits_of

SCOPE = "suite::bell on ibm:ibm_fez"
THOUSAND = HardwareBudget(shots=1000)


def ledger(folder: Path, run: str = "run") -> FileShotLedger:
    return FileShotLedger(folder / "hardware.json", run)


def shots(book: FileShotLedger, tag: str, number: int, budget: HardwareBudget = THOUSAND) -> Reservation:
    return book.reserve(SCOPE, tag, ShotCost(number), budget)


def test_shots_are_reserved_before_and_settled_after(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    assert shots(book, "a", 600).state == "granted"
    refused = shots(book, "b", 401)
    assert (refused.state, refused.lacking) == ("busy", "shots: 401 wanted, 400 of 1000 left")
    book.settle(SCOPE, "a", ShotCost(500))
    assert shots(book, "b", 401).state == "granted"
    assert shots(book, "c", 501).state == "exhausted", "even if b gave back all, 500 would be left"


def test_scopes_have_budgets_of_their_own(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    assert shots(book, "a", 1000).state == "granted"
    assert book.reserve("suite::ghz on ibm:ibm_fez", "a", ShotCost(1000), THOUSAND).state == "granted"


def test_every_limit_holds_and_sums_are_exact(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    budget = HardwareBudget(shots=100, seconds=0.3, usd="0.3")
    tenth = ShotCost(1, Decimal("0.1"), Decimal("0.1"))
    states = [book.reserve(SCOPE, str(n), tenth, budget).state for n in range(4)]
    assert states == ["granted"] * 3 + ["busy"]


def test_unbounded_seconds_take_all_that_are_left_and_give_back_the_rest(tmp_path: Path) -> None:
    book, budget = ledger(tmp_path), HardwareBudget(seconds=60)
    first = book.reserve(SCOPE, "a", ShotCost(10, None), budget)
    assert first.cost == ShotCost(10, Decimal(60))
    assert book.reserve(SCOPE, "b", ShotCost(10, None), budget).state == "busy"
    book.settle(SCOPE, "a", ShotCost(10, Decimal("59.5")))
    assert book.reserve(SCOPE, "b", ShotCost(10, None), budget).state == "exhausted", "half a second is no job"


def test_without_limits_all_is_counted_and_nothing_refused(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    assert book.reserve(SCOPE, "a", ShotCost(10**9, None, Decimal(10**6)), HardwareBudget()).state == "granted"


def test_a_tag_that_is_set_aside_is_known_and_not_reserved_twice(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    shots(book, "a", 600)
    again = shots(book, "a", 600)
    assert again.state == "known" and again.cost.shots == 600
    assert shots(book, "b", 400).state == "granted"


# ---- runs


def test_runs_at_one_time_share_the_budget_and_a_later_one_begins_anew(tmp_path: Path) -> None:
    one, two = ledger(tmp_path, "one"), ledger(tmp_path, "two")
    shots(one, "a", 600)
    one.settle(SCOPE, "a", ShotCost(600))
    assert shots(two, "b", 600).state == "exhausted"
    assert shots(two, "b", 400).state == "granted"
    two.settle(SCOPE, "b", ShotCost(400))
    one.close()
    two.close()
    assert shots(ledger(tmp_path, "three"), "c", 1000).state == "granted"


def test_what_a_run_took_counts_for_those_that_were_under_way_beside_it_although_it_is_over(tmp_path: Path) -> None:
    """Else two runs, one inside the other, would together pass the cap."""
    long, short = ledger(tmp_path, "long"), ledger(tmp_path, "short")
    shots(short, "a", 600)
    short.settle(SCOPE, "a", ShotCost(600))
    short.close()
    assert shots(long, "b", 401).state == "exhausted"
    assert shots(ledger(tmp_path, "third"), "c", 400).state == "granted"


def test_workers_of_a_run_and_its_resumption_share_one_account(tmp_path: Path) -> None:
    one, two = ledger(tmp_path), ledger(tmp_path)
    shots(one, "a", 600)
    one.settle(SCOPE, "a", ShotCost(600))
    one.close()
    two.close()
    assert shots(ledger(tmp_path), "b", 401).state == "exhausted"


_KILLED = """
import os, sys
from pathlib import Path
from pytest_llmgate.core.circuit import HardwareBudget
from pytest_llmgate.core.hardware import ShotCost
from pytest_llmgate.store.shot_ledger import FileShotLedger
book = FileShotLedger(Path(sys.argv[1]), "killed")
book.reserve("suite::bell on ibm:ibm_fez", "settled", ShotCost(300), HardwareBudget(shots=1000))
book.settle("suite::bell on ibm:ibm_fez", "settled", ShotCost(300))
book.reserve("suite::bell on ibm:ibm_fez", "open", ShotCost(600), HardwareBudget(shots=1000))
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_what_a_killed_run_never_settled_counts_until_it_is_released(tmp_path: Path) -> None:
    killed = python(_KILLED, tmp_path / "hardware.json")
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    book = ledger(tmp_path)
    refused = shots(book, "a", 401)
    assert refused.state == "exhausted", "waiting would not help: that run is over"
    assert "400 of 1000 left (1 of the reservations are of runs that never settled: llmgate jobs)" in refused.lacking
    left = [(item.tag, item.run, item.cost.shots, item.alive) for item in book.unsettled()]
    assert left == [("open", "killed", 600, False)]
    assert [item.tag for item in book.release()] == ["open"]
    assert shots(book, "a", 1000).state == "granted"


def test_releasing_leaves_what_is_under_way(tmp_path: Path) -> None:
    mine, other = ledger(tmp_path, "mine"), ledger(tmp_path, "other")
    shots(other, "a", 600)
    assert mine.release() == () and len(mine.unsettled()) == 1


_SPENDER = """
import sys
from pathlib import Path
from pytest_llmgate.core.circuit import HardwareBudget
from pytest_llmgate.core.hardware import ShotCost
from pytest_llmgate.store.shot_ledger import FileShotLedger
book = FileShotLedger(Path(sys.argv[1]), sys.argv[2])
print(flush=True)
sys.stdin.readline()
granted = 0
for n in range(60):
    tag = f"{sys.argv[2]}-{n}"
    if book.reserve("s", tag, ShotCost(10), HardwareBudget(shots=1000)).state == "granted":
        granted += 1
        book.settle("s", tag, ShotCost(10))
print(granted, flush=True)
sys.stdin.readline()
"""


def test_parallel_runs_together_submit_the_budget_and_no_shot_more(tmp_path: Path) -> None:
    import subprocess

    command = [sys.executable, "-c", _SPENDER, str(tmp_path / "hardware.json")]
    pipe = subprocess.PIPE
    runs = [subprocess.Popen([*command, f"run{n}"], stdin=pipe, stdout=pipe, text=True) for n in range(3)]
    for run in runs:
        assert run.stdout is not None and run.stdout.readline() == "\n", "all take part before one begins"
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("\n")
        run.stdin.flush()
    granted = [int(run.stdout.readline()) for run in runs if run.stdout is not None]
    for run in runs:
        run.communicate("\n", timeout=30)
    assert sum(granted) == 100


def test_threads_too(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(lambda n: shots(book, str(n), 10).state, range(150)))
    assert states.count("granted") == 100


@given(st.lists(st.tuples(st.integers(0, 800), st.integers(0, 800), st.booleans()), max_size=15))
def test_reserved_and_spent_never_pass_the_budget(
    tmp_path_factory: pytest.TempPathFactory, wishes: list[tuple[int, int, bool]]
) -> None:
    book, taken = ledger(tmp_path_factory.mktemp("ledger")), 0
    for n, (wish, spent, settled) in enumerate(wishes):
        granted = shots(book, str(n), wish).state == "granted"
        assert granted == (taken + wish <= 1000)
        if granted:
            taken += wish
            if settled:
                book.settle(SCOPE, str(n), ShotCost(min(wish, spent)))
                taken += min(wish, spent) - wish
    book.close()


def test_a_device_is_halted_for_all_workers_of_a_run_and_for_no_other_run(tmp_path: Path) -> None:
    one, worker, other = ledger(tmp_path), ledger(tmp_path), ledger(tmp_path, "other")
    one.halt("ibm:ibm_fez", "no result within 60 s")
    one.halt("ibm:ibm_fez", "a later reason")
    assert worker.halted("ibm:ibm_fez") == "no result within 60 s"
    assert worker.halted("ibm:ibm_torino") == other.halted("ibm:ibm_fez") == ""


def test_a_run_that_is_resumed_may_try_again(tmp_path: Path) -> None:
    one, worker = ledger(tmp_path), ledger(tmp_path)
    one.halt("ibm:ibm_fez", "no result within 60 s")
    one.close()
    late = ledger(tmp_path)
    assert late.halted("ibm:ibm_fez"), "a worker of the run is still there"
    late.close()
    worker.close()
    assert ledger(tmp_path).halted("ibm:ibm_fez") == ""


# ---- bad input

_SPENT = '{"schema": "llmgate.shots/1", "halted": {}, "scopes": {"s": {"open": {}, "spent": {"r": %s}}}}'


@pytest.mark.parametrize("limit", [float("nan"), float("inf"), -1, "NaN", "-Infinity", "a lot", True])
@pytest.mark.parametrize("unit", ["shots", "seconds", "usd"])
def test_a_limit_that_is_no_number_is_refused(unit: str, limit: object) -> None:
    with pytest.raises(ValueError, match="number"):
        limits_of(HardwareBudget(**{unit: limit}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        "{", "[]", "null", '{"schema": "llmgate.shots/2", "scopes": {}}', '{"schema": "llmgate.shots/1"}',
        _SPENT % '{"shots": -1, "seconds": "0", "usd": "0"}', _SPENT % '{"shots": 1, "seconds": "NaN", "usd": "0"}',
    ],
)  # fmt: skip
def test_a_damaged_ledger_is_an_error_and_not_an_empty_one(tmp_path: Path, content: str) -> None:
    book = ledger(tmp_path)
    (tmp_path / "hardware.json").write_text(content)
    with pytest.raises(LlmgateError, match="shot-ledger-damaged"):
        shots(book, "a", 1)
    assert (tmp_path / "hardware.json").read_text() == content


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(LlmgateError, match="cannot-write"):
        ledger(tmp_path / "missing")
