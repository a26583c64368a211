"""Money is never overshot, whatever the number of processes, and unknown money is never spent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_samples import python

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store.ledger import FileLedger, Slots

CENT = Decimal("0.01")


def test_a_budget_is_reserved_before_and_settled_after(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "ledger.json", Decimal("0.03"))
    assert ledger.reserve(CENT) and ledger.reserve(2 * CENT)
    assert not ledger.reserve(Decimal("0.000001"))
    ledger.settle(CENT, Decimal("0.004"))
    ledger.settle(2 * CENT, Decimal(0))
    assert (ledger.spent, ledger.reserved) == (Decimal("0.004"), Decimal(0))
    assert ledger.reserve(Decimal("0.026")) and not ledger.reserve(Decimal("0.000001"))


def test_a_budget_is_exhausted_once_what_was_spent_reaches_it(tmp_path: Path) -> None:
    """Costs that are known only afterwards are not reserved, so that they may pass it."""
    ledger, open_end = FileLedger(tmp_path / "a.json", 2 * CENT), FileLedger(tmp_path / "b.json", None)
    seen = []
    for _ in range(3):
        ledger.settle(Decimal(0), CENT)
        open_end.settle(Decimal(0), CENT)
        seen.append(ledger.exhausted)
    assert (seen, open_end.exhausted) == ([False, True, True], False)
    nothing = FileLedger(tmp_path / "c.json", Decimal(0))
    assert not nothing.exhausted, "what is free is not held up by a budget of 0"


def test_sums_are_exact(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "ledger.json", Decimal("0.3"))
    assert [ledger.reserve(Decimal("0.1")) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1"])
def test_an_unknown_sum_is_not_reserved(tmp_path: Path, amount: str) -> None:
    ledger = FileLedger(tmp_path / "ledger.json", None)
    assert not ledger.reserve(Decimal(amount))
    with pytest.raises(ValueError, match="budget"):
        FileLedger(tmp_path / "other.json", Decimal(amount))


def test_without_a_budget_money_is_still_counted(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "ledger.json")
    assert ledger.reserve(Decimal(1000))
    ledger.settle(Decimal(1000), Decimal(999))
    assert ledger.spent == 999


@given(st.lists(st.tuples(st.decimals(0, 2, places=6), st.booleans()), max_size=30))
def test_reserved_and_spent_never_pass_the_budget(
    tmp_path_factory: pytest.TempPathFactory, wishes: list[tuple[Decimal, bool]]
) -> None:
    ledger = FileLedger(tmp_path_factory.mktemp("ledger") / "ledger.json", Decimal(3))
    for amount, settled in wishes:
        before = ledger.spent + ledger.reserved
        allowed = ledger.reserve(amount)
        assert allowed == (before + amount <= 3)
        if allowed and settled:
            ledger.settle(amount, amount / 2)
        assert ledger.spent + ledger.reserved <= 3


_SPENDER = """
import sys
from decimal import Decimal
from pathlib import Path
from pytest_llmgate.store.ledger import FileLedger
ledger = FileLedger(Path(sys.argv[1]), Decimal("1.00"))
print(sum(ledger.reserve(Decimal("0.01")) for _ in range(80)))
"""


def test_processes_together_reserve_the_budget_and_no_cent_more(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    spenders = [python(_SPENDER, path) for _ in range(3)]
    granted = [int(spender.communicate(timeout=60)[0]) for spender in spenders]
    assert sum(granted) == 100
    assert FileLedger(path, Decimal(1)).reserved == Decimal("1.00")


def test_threads_too(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "ledger.json", Decimal(1))
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: ledger.reserve(CENT), range(160))) == 100


def test_what_a_dead_worker_reserved_stays_reserved_until_the_run_resumes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    dead = FileLedger(path, Decimal("0.02"))
    assert dead.reserve(CENT)
    assert dead.reserve(CENT)
    dead.settle(CENT, CENT)
    other = FileLedger(path, Decimal("0.02"))
    assert not other.reserve(CENT)
    other.resume()
    assert other.spent == CENT
    assert other.reserve(CENT) and not other.reserve(CENT)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"budget": "1"}',
        '{"budget":"1","reserved":"-5","spent":"0","turns":{}}',
        '{"budget":"1","reserved":"NaN","spent":"0","turns":{}}',
        "\x00\x00",
    ],
)
def test_a_damaged_ledger_is_an_error_not_an_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ledger.json"
    ledger = FileLedger(path, Decimal(1))
    path.write_text(content)
    with pytest.raises(LlmgateError, match="ledger-damaged"):
        ledger.reserve(CENT)


def test_turns_are_spaced_by_the_rate_over_all_workers(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    workers = [FileLedger(path), FileLedger(path)]
    waits = [workers[n % 2].turn("openai", 6) for n in range(4)]
    assert waits[0] == 0
    assert waits == sorted(waits)
    for number, wait in enumerate(waits):
        assert 10 * number - 5 < wait <= 10 * number
    assert workers[0].turn("another", 6) == 0
    workers[0].resume()
    assert workers[1].turn("openai", 6) == 0
    with pytest.raises(ValueError, match="rate"):
        workers[0].turn("openai", 0)


def test_slots_are_shared_and_given_back(tmp_path: Path) -> None:
    here, there = Slots(tmp_path / "slots", 2), Slots(tmp_path / "slots", 2)
    assert here.acquire_nowait() and there.acquire_nowait()
    assert not here.acquire_nowait() and not there.acquire_nowait()
    here.release()
    assert there.acquire_nowait()
    with pytest.raises(RuntimeError, match="no slot"):
        here.release()
    with pytest.raises(ValueError, match="at least 1"):
        Slots(tmp_path, 0)


_TAKER = """
import sys, time
from pathlib import Path
from pytest_llmgate.store.ledger import Slots
slots = Slots(Path(sys.argv[1]), 1)
print(slots.acquire_nowait(), flush=True)
time.sleep(60)
"""


def test_a_dead_process_gives_its_slot_back(tmp_path: Path) -> None:
    slots = Slots(tmp_path, 1)
    with python(_TAKER, tmp_path) as taker:
        assert taker.stdout is not None and taker.stdout.readline() == b"True\n"
        assert not slots.acquire_nowait()
        taker.kill()
    assert slots.acquire_nowait()
