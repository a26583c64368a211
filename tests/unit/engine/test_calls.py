"""The way of a model call: retries, deadline, money, recording, redaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import CallFailed, CallKey, ProviderError
from pytest_llmgate.core.reply import Reply, Request, Usage, money
from pytest_llmgate.engine import calls
from pytest_llmgate.engine.calls import CallRooms, ModelCaller

MODEL = ModelPlan(alias="m", provider="openai", model="gpt", deadline_s=30.0, max_retries=3)
REQUEST = Request(model="gpt", messages=({"role": "user", "content": "hi"},))
KEY = CallKey(0)
STORM = ProviderError("429 from sk-secret", retryable=True, retry_after_s=0.0)
Step = Reply | Exception | Callable[[], Awaitable[Reply]]


class Script:
    """A provider that answers step by step; the last step repeats."""

    live = True

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.asked = 0

    async def complete(self, request: Request) -> Reply:
        step = self.steps[min(self.asked, len(self.steps) - 1)]
        self.asked += 1
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Reply) else await step()

    async def close(self) -> None: ...


class Purse:
    """A ledger in memory. wait: seconds until each turn."""

    def __init__(self, budget: str = "10", wait: float = 0.0) -> None:
        self.left, self.reserved, self.spent = Decimal(budget), Decimal(0), Decimal(0)
        self.wait = wait
        self.turns: list[str] = []

    def reserve(self, amount: Decimal) -> bool:
        if self.spent + self.reserved + amount > self.left:
            return False
        self.reserved += amount
        return True

    def settle(self, reserved: Decimal, spent: Decimal) -> None:
        self.reserved -= reserved
        self.spent += spent

    @property
    def exhausted(self) -> bool:
        return 0 < self.spent >= self.left

    def turn(self, provider: str, per_minute: float) -> float:
        self.turns.append(provider)
        return self.wait


class Tariff:
    """Every call costs 1 at most, and what the reply says, else 0.25."""

    def cost(self, model: str, usage: Usage) -> Decimal:
        return Decimal("0.25")

    def ceiling(self, request: Request) -> Decimal:
        return Decimal(1)


class NoTariff:
    """Knows no model."""

    def cost(self, model: str, usage: Usage) -> None: ...

    def ceiling(self, request: Request) -> None: ...


class Tape:
    """A cassette in memory."""

    def __init__(self) -> None:
        self.kept: dict[CallKey, Reply] = {}
        self.writes = 0

    def find(self, request: Request, key: CallKey) -> Reply | None:
        return self.kept.get(key)

    def keep(self, request: Request, key: CallKey, reply: Reply) -> None:
        self.writes += 1
        self.kept.setdefault(key, reply)


def hide(text: str) -> str:
    return text.replace("sk-secret", "sk-0000")


class Bench:
    """A caller with its parts at hand."""

    def __init__(
        self, *steps: Step, tape: Tape | None = None, mode: str = "new", purse: Purse | None = None, **rooms: Any
    ) -> None:
        self.provider = Script(*steps)
        self.purse = purse or Purse()
        self.broke = 0
        given = {
            "provider": lambda model: self.provider, "is_live": lambda model: self.provider.live, "cassette": tape,
            "mode": mode, "ledger": self.purse, "prices": Tariff(), "redact_text": hide,
            "redact": lambda reply: replace(reply, text=hide(reply.text)),
            "how_to_record": "pytest --llm-suite --llm-record=new", "out_of_budget": self._end, **rooms,
        }  # fmt: skip
        self.caller = ModelCaller(CallRooms(**given))  # type: ignore[arg-type]

    def _end(self) -> None:
        self.broke += 1

    def ask(self, model: ModelPlan = MODEL, key: CallKey = KEY) -> Any:
        return run(self.caller.ask(model, REQUEST, key))

    def fails(self, model: ModelPlan = MODEL) -> CallFailed:
        with pytest.raises(CallFailed) as caught:
            self.ask(model)
        return caught.value


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 20))


async def hang() -> Reply:
    await asyncio.Event().wait()
    raise AssertionError


# ---- attempts


def test_only_what_may_be_retried_is_retried() -> None:
    bench = Bench(STORM, STORM, Reply("hello"))
    assert bench.ask().reply.text == "hello"
    assert bench.provider.asked == 3

    bench = Bench(ProviderError("401 for sk-secret"))
    fault = bench.fails()
    assert (bench.provider.asked, fault.kind, fault.fatal) == (1, "refused", False)
    assert fault.message == "401 for sk-0000"


def test_retries_end_and_say_how_often() -> None:
    bench = Bench(STORM)
    fault = bench.fails()
    assert bench.provider.asked == 4
    assert (fault.kind, fault.message) == ("transport", "429 from sk-0000 (after 4 attempts)")


def test_a_wait_beyond_the_deadline_is_not_waited_for() -> None:
    bench = Bench(ProviderError("busy", retryable=True, retry_after_s=3600.0))
    fault = bench.fails()
    assert bench.provider.asked == 1
    assert "3600 s, beyond the deadline of 30 s" in fault.message


def test_the_deadline_is_that_of_all_attempts_together() -> None:
    bench = Bench(STORM, STORM, hang)
    fault = bench.fails(replace(MODEL, deadline_s=0.5))
    assert (fault.kind, fault.message) == ("timeout", "no answer within 0.5 s")
    assert bench.provider.asked == 3


def test_back_off_is_recorded_apart_from_latency() -> None:
    bench = Bench(ProviderError("busy", retryable=True, retry_after_s=0.02), Reply("hello", latency_ms=3.0))
    answer = bench.ask()
    assert answer.reply.latency_ms == 3.0
    assert answer.queued_ms == pytest.approx(20.0)


def test_back_off_doubles_with_jitter_up_to_its_longest() -> None:
    fault = ProviderError("busy", retryable=True)
    for attempt, longest in enumerate([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]):
        pauses = [calls._pause(fault, attempt) for _ in range(50)]
        assert all(longest / 2 <= pause <= longest for pause in pauses)
        assert len(set(pauses)) > 1


def test_our_own_queue_for_the_rate_limit_is_not_held_against_the_model() -> None:
    """60 s of deadline and 10 calls a minute: the sixteenth call in flight would have been late before it began."""
    bench = Bench(Reply("hello"), purse=Purse(wait=0.4))
    answer = bench.ask(replace(MODEL, deadline_s=0.3, requests_per_minute=10.0, base_url="https://a.example/v1"))
    assert answer.reply.text == "hello"
    assert answer.queued_ms == pytest.approx(400.0)
    assert bench.purse.turns == ["https://a.example/v1"]


def test_whatever_else_a_provider_raises_is_a_failed_call() -> None:
    fault = Bench(KeyError("choices sk-secret")).fails()
    assert (fault.kind, fault.fatal) == ("raised", False)
    assert fault.message == "KeyError: 'choices sk-0000'"
    mistake = Bench(problem("missing-extra", "needs a package")).fails()
    assert (mistake.kind, mistake.fatal) == ("refused", True)


# ---- money


def test_what_is_reserved_is_settled_at_what_was_spent() -> None:
    bench = Bench(Reply("hello", input_tokens=3, output_tokens=1))
    assert bench.ask().usage == Usage(1, 3, 1, Decimal("0.25"))
    assert (bench.purse.reserved, bench.purse.spent) == (0, Decimal("0.25"))


def test_a_cost_that_the_reply_brings_counts_even_above_the_reservation() -> None:
    bench = Bench(Reply("hello", cost_usd="1.5"))
    assert bench.ask().usage.cost_usd == Decimal("1.5")
    assert bench.purse.spent == Decimal("1.5")


@pytest.mark.parametrize("step", [ProviderError("400"), hang, KeyError("x")])
def test_a_failed_call_may_have_been_billed(step: Step) -> None:
    bench = Bench(step)
    bench.fails(replace(MODEL, deadline_s=0.02))
    assert (bench.purse.reserved, bench.purse.spent) == (0, 1)


def test_beyond_the_budget_nothing_is_sent() -> None:
    bench = Bench(Reply("hello"), purse=Purse("0.50"))
    fault = bench.fails()
    assert (fault.kind, fault.fatal) == ("budget", False)
    assert (bench.provider.asked, bench.broke, bench.purse.spent) == (0, 1, 0)


def test_a_provider_that_costs_nothing_needs_no_budget() -> None:
    bench = Bench(Reply("hello"), purse=Purse("0"))
    bench.provider.live = False
    assert bench.ask().reply.text == "hello"


@pytest.mark.parametrize("asked", ["awaited", "in a thread"])
def test_what_a_model_of_ones_own_says_that_it_cost_is_booked_until_the_budget_is_reached(asked: str) -> None:
    bench = Bench(Reply("hello", cost_usd="0.25"), purse=Purse("0.50"))
    bench.provider.live = False
    bench.provider.complete_now = lambda request: run(bench.provider.complete(request))  # type: ignore[attr-defined]
    ask = bench.caller.answering(MODEL)

    def once() -> Any:
        return bench.ask() if asked == "awaited" else ask(REQUEST)

    once(), once()
    assert (bench.purse.spent, bench.purse.reserved, bench.broke) == (Decimal("0.50"), 0, 0)
    with pytest.raises(CallFailed, match=r"the budget of this run is used up: \$0\.50 is spent") as caught:
        once()
    assert (caught.value.kind, caught.value.fatal) == ("budget", False)
    assert (bench.provider.asked, bench.broke) == (2, 1)


def test_a_free_model_is_asked_on_where_others_have_used_up_the_budget() -> None:
    bench = Bench(Reply("hello"), purse=Purse("0.50"))
    bench.provider.live = False
    bench.ask()
    bench.purse.spent = Decimal(1)
    assert bench.ask().reply.text == "hello"


def test_a_model_that_nobody_has_asked_yet_may_cost_something() -> None:
    """A run that goes on with its budget used up would pay for as many calls as are in flight."""
    bench = Bench(Reply("hello", cost_usd="0.25"), purse=Purse("0.50"))
    bench.provider.live, bench.purse.spent = False, Decimal("0.50")
    assert bench.fails().kind == "budget"
    assert bench.provider.asked == 0


def test_a_replayed_reply_costs_nothing() -> None:
    bench = Bench(Reply("hello", cost_usd="0.25"), tape=Tape(), prices=NoTariff())
    assert [bench.ask().replayed for _ in range(3)] == [False, True, True]
    assert bench.purse.spent == Decimal("0.25")


@pytest.mark.parametrize(
    ("given", "amount"),
    [
        (None, None),
        ("0.10", "0.10"),
        (0.1, "0.1"),
        (0.129 * 0.03, "0.00387"),
        ("NaN", None),
        ("-1", None),
        ("cheap", None),
        ("Infinity", None),
    ],
)
def test_money_is_exact_or_unknown(given: object, amount: str | None) -> None:
    assert money(given) == (None if amount is None else Decimal(amount))


# ---- recording


def test_what_is_recorded_is_not_asked_again_and_is_redacted() -> None:
    tape = Tape()
    bench = Bench(Reply("your key is sk-secret"), tape=tape)
    first, second = bench.ask(), bench.ask()
    assert bench.provider.asked == 1
    assert (first.replayed, second.replayed) == (False, True)
    assert first.reply == second.reply == tape.kept[KEY] == Reply("your key is sk-0000")


def test_a_missing_recording_is_fatal_and_names_the_command() -> None:
    bench = Bench(Reply("hello"), tape=Tape(), mode="replay")
    fault = bench.fails()
    assert fault.fatal
    assert fault.kind == "missing-recording"
    assert "pytest --llm-suite --llm-record=new" in fault.message
    assert bench.provider.asked == 0


def test_live_mode_and_models_that_say_so_pass_the_cassette_by() -> None:
    for mode, model in (("live", MODEL), ("new", replace(MODEL, record=False))):
        tape = Tape()
        bench = Bench(Reply("hello"), tape=tape, mode=mode)
        bench.ask(model)
        bench.ask(model)
        assert (bench.provider.asked, tape.writes) == (2, 0)


def test_a_python_model_is_recorded_only_where_it_says_so() -> None:
    tape = Tape()
    bench = Bench(Reply("hello"), tape=tape)
    bench.provider.live = False
    bench.ask()
    assert tape.writes == 0
    bench.ask(replace(MODEL, record=True))
    assert tape.writes == 1


def both(bench: Bench, other: CallKey = KEY) -> list[Any]:
    async def at_once() -> list[Any]:
        asked = (bench.caller.ask(MODEL, REQUEST, key) for key in (KEY, other))
        return await asyncio.gather(*asked, return_exceptions=True)

    return run(at_once())  # type: ignore[no-any-return]


async def soon() -> Reply:
    for _ in range(5):
        await asyncio.sleep(0)
    return Reply("hello")


def test_two_trials_with_one_key_get_one_reply() -> None:
    """Else live and replay would judge different things."""
    bench = Bench(soon, tape=Tape())
    first, second = both(bench)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.reply == second.reply
    assert bench.provider.asked == 1
    assert bench.caller._under_way == {}


def test_different_keys_are_different_calls() -> None:
    bench = Bench(soon, tape=Tape())
    both(bench, CallKey(1))
    assert bench.provider.asked == 2


def test_whoever_waits_for_a_call_that_fails_fails_too() -> None:
    async def later() -> Reply:
        await asyncio.sleep(0)
        raise ProviderError("400")

    bench = Bench(later, tape=Tape())
    assert [fault.kind for fault in both(bench)] == ["refused", "refused"]
    assert bench.provider.asked == 1


def test_whoever_waits_for_a_call_that_is_cancelled_is_told() -> None:
    bench = Bench(hang, tape=Tape())

    async def scene() -> Any:
        first = asyncio.ensure_future(bench.caller.ask(MODEL, REQUEST, KEY))
        second = asyncio.ensure_future(bench.caller.ask(MODEL, REQUEST, KEY))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        return await asyncio.gather(first, second, return_exceptions=True)

    first, second = run(scene())
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(second, CallFailed)
    assert second.kind == "interrupted"


def test_what_another_process_recorded_first_counts() -> None:
    class Shared(Tape):
        def keep(self, request: Request, key: CallKey, reply: Reply) -> None:
            self.kept[key] = Reply("theirs")

    assert Bench(Reply("mine"), tape=Shared()).ask().reply.text == "theirs"
