"""Nothing is submitted without a yes, and never more than the budget bears."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hardware_samples import APPROVED, SCOPE, Bench, Remote

from pytest_llmgate.core.circuit import BackendPlan, HardwareBudget
from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.core.hardware import ShotCost
from pytest_llmgate.quantum.tariff import read_tariff

# ---- approval


@pytest.mark.parametrize("said", ["1", "true", "YES", " yes "])
def test_a_yes_approves(tmp_path: Path, said: str) -> None:
    assert Bench(tmp_path, Remote(), environ={"LLMGATE_APPROVE_HARDWARE": said}).draw().counts


@pytest.mark.parametrize("environ", [{}, {"LLMGATE_APPROVE_HARDWARE": "0"}, {"LLMGATE_APPROVE_HARDWARE": "maybe"}])
@pytest.mark.parametrize("named", [None, "LLMGATE_APPROVE_HARDWARE"])
def test_without_a_yes_nothing_is_submitted(tmp_path: Path, environ: dict[str, str], named: str | None) -> None:
    """A suite that names no variable is asked for ours: a device is never approved by omission."""
    bench = Bench(tmp_path, Remote(), environ=environ, approval_env=named)
    failed = bench.fails()
    assert (failed.kind, failed.fatal) == ("not-approved", True)
    assert "LLMGATE_APPROVE_HARDWARE=1 pytest --llm-suite" in failed.message
    assert bench.remote.posts == 0 and bench.spent == 0


def test_a_suite_names_its_own_variable_or_waives_it(tmp_path: Path) -> None:
    assert Bench(tmp_path, Remote(), approval_env="OUR_QPU", environ=APPROVED).fails().kind == "not-approved"
    assert Bench(tmp_path, Remote(), approval_env="OUR_QPU", environ={"OUR_QPU": "yes"}).draw().counts
    assert Bench(tmp_path, Remote(), approval_env="none", environ={}).draw(key="bell#1").counts


# ---- budget


def test_the_worst_case_is_set_aside_before_the_submission(tmp_path: Path) -> None:
    seen: list[Any] = []
    remote = Remote({"billed": 3.0})
    bench = Bench(
        tmp_path, remote, budget=HardwareBudget(shots=1000, seconds=60, usd="2.00"),
        options={"usd_per_shot": "0.001", "usd_per_second": 0.01, "usd_per_task": "0.30"},
    )  # fmt: skip
    remote.watch = lambda: seen.extend(bench.ledger.unsettled())
    result = bench.draw(100)
    assert [item.cost for item in seen] == [ShotCost(100, Decimal(60), Decimal("1.000"))], "0.30 + 100·0.001 + 60·0.01"
    assert (result.billed_s, result.cost_usd) == (3.0, "0.430")
    assert remote.jobs[0].order.max_seconds == 60, "the device is told, where it can be"
    assert bench.ledger.unsettled() == ()


@pytest.mark.parametrize(
    ("budget", "lacking"),
    [
        (HardwareBudget(shots=250), "shots: 100 wanted, 50 of 250 left"),
        (HardwareBudget(usd="0.25"), "usd: 0.100 wanted, 0.050 of 0.25 left"),
        (HardwareBudget(seconds=9), "seconds: 5 wanted, 1.0 of 9 left"),
    ],
)
def test_never_more_is_submitted_than_fits(tmp_path: Path, budget: HardwareBudget, lacking: str) -> None:
    options = {"usd_per_shot": "0.001", "job_seconds": 5}
    bench = Bench(tmp_path, Remote(*[{"billed": 4.0}] * 3), budget=budget, options=options)
    bench.draw(key="bell#0")
    bench.draw(key="bell#1")
    failed = bench.fails(key="bell#2")
    assert (failed.kind, failed.fatal) == ("budget", True) and lacking in failed.message
    assert bench.remote.posts == 2


def test_seconds_that_nobody_tells_are_those_that_passed(tmp_path: Path) -> None:
    """A device cannot bill more seconds than went by; how many it did bill is not made up."""
    remote = Remote({"statuses": ["QUEUED", "RUNNING", "RUNNING", "DONE"]})
    bench = Bench(tmp_path, remote, budget=HardwareBudget(seconds=10), options={"usd_per_second": 1})
    result = bench.draw()
    assert result.billed_s is None and result.cost_usd is None
    passed = Decimal(str(round(bench.clock.now - 100.0, 3)))
    rest = bench.ledger.reserve(SCOPE, "probe", bench.tariff.worst(1), HardwareBudget(seconds=10)).cost
    assert rest.seconds == 10 - passed


def test_a_chunk_waits_for_what_a_job_under_way_may_give_back(tmp_path: Path) -> None:
    budget = HardwareBudget(seconds=10)
    bench = Bench(tmp_path, Remote({"billed": 1}), budget=budget)
    assert bench.ledger.reserve(SCOPE, "other", bench.tariff.worst(1), budget).state == "granted"
    bench.clock.turns.append((3.0, lambda: bench.ledger.settle(SCOPE, "other", ShotCost(1, Decimal(5)))))
    assert bench.draw().counts
    assert bench.clock.now >= 103.0


def test_waiting_for_others_ends_too(tmp_path: Path) -> None:
    budget = HardwareBudget(seconds=10)
    bench = Bench(tmp_path, Remote(), budget=budget, deadline_s=20.0)
    bench.ledger.reserve(SCOPE, "other", bench.tariff.worst(1), budget)
    assert bench.fails().kind == "budget" and bench.remote.posts == 0


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1, "NaN", "Infinity", "-0.01", "much", True])
@pytest.mark.parametrize("limit", ["seconds", "usd"])
def test_a_budget_that_is_no_number_is_refused(limit: str, wrong: Any) -> None:
    plan = BackendPlan(provider="ibm", budget=HardwareBudget(**{limit: wrong}), where=Where("q.suite.yaml", 7))
    with pytest.raises(LlmgateError, match=r"q\.suite\.yaml:7: budget: .*finite number") as caught:
        read_tariff(plan, free=False)
    assert caught.value.problems[0].code == "hardware-budget"


@pytest.mark.parametrize("shots", [2.5, float("nan")])
def test_half_a_shot_is_no_budget(shots: Any) -> None:
    with pytest.raises(LlmgateError, match="hardware-budget"):
        read_tariff(BackendPlan(provider="ibm", budget=HardwareBudget(shots=shots)), free=False)


def test_a_budget_of_money_needs_a_price() -> None:
    plan = BackendPlan(provider="ibm", name="ibm_fez", budget=HardwareBudget(usd="5"))
    with pytest.raises(LlmgateError, match=r"5 USD needs the price of ibm_fez.*usd_per_shot"):
        read_tariff(plan, free=False)
    assert read_tariff(plan, free=True).worst(100).usd == 0, "a simulator in this process costs nothing"
    by_second = BackendPlan(provider="ibm", options={"usd_per_second": "1.6"}, budget=HardwareBudget(usd="5"))
    with pytest.raises(LlmgateError, match="bound of the seconds"):
        read_tariff(by_second, free=False)


def test_a_price_of_nan_is_refused() -> None:
    with pytest.raises(LlmgateError, match="usd_per_shot: nan"):
        read_tariff(BackendPlan(provider="ibm", options={"usd_per_shot": float("nan")}), free=False)
