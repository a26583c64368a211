"""The way of every model call: cassette, budget, rate limit, attempts, redaction, recording.

Latency is that of the attempt that answered; our own queueing and back-off are kept apart.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import (
    Answer,
    CallFailed,
    CallKey,
    Cassette,
    Ledger,
    Prices,
    Provider,
    ProviderError,
)
from pytest_llmgate.core.reply import Reply, Request, Usage, usage_of
from pytest_llmgate.core.settings import RecordMode
from pytest_llmgate.engine.purse import Purse

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 20.0
_ONE_CALL = Usage(calls=1)
_SETTLE_S = 0.02  # how often a call that lacks money looks whether others have given some back


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRooms:
    """What a caller is given. provider: by model plan, built at first need. is_live: whether calls of a model leave
    this process or cost something, known without building it. redact, redact_text: applied to whatever leaves.
    how_to_record: the command that records what a replay lacks. out_of_budget: told when money ends. capped: whether
    somebody set a cap, which then holds for costs that only replies name, too."""

    provider: Callable[[ModelPlan], Provider]
    is_live: Callable[[ModelPlan], bool]
    cassette: Cassette | None
    mode: RecordMode
    ledger: Ledger
    prices: Prices
    redact: Callable[[Reply], Reply]
    redact_text: Callable[[str], str]
    how_to_record: str
    out_of_budget: Callable[[], None]
    capped: bool = True


class ModelCaller:
    """Asks models for one suite; implements the Caller port."""

    def __init__(self, rooms: CallRooms) -> None:
        self._rooms = rooms
        self._under_way: dict[tuple[str, str, CallKey], asyncio.Future[Reply]] = {}
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._purses: dict[tuple[str, str], Purse] = {}

    def purse(self, model: ModelPlan) -> Purse:
        """Where calls of a model are booked that nothing could be set aside for."""
        key = (model.provider, model.alias)
        made = self._purses.get(key)
        if made is None:
            rooms = self._rooms
            new = Purse(model.model, rooms.ledger, rooms.out_of_budget, capped=rooms.capped)
            made = self._purses.setdefault(key, new)  # another thread may have been first
        return made

    def unpriced(self, free: Collection[str]) -> set[str]:
        """Models that counted tokens and named no cost. free: providers whose calls cost nothing."""
        return {purse.name for (provider, _), purse in self._purses.items() if purse.unpriced and provider not in free}

    def blocking(self, model: ModelPlan) -> bool:
        """Whether calls of this model are plain synchronous Python that no cassette covers."""
        return not self.recorded(model) and bool(getattr(self._rooms.provider(model), "blocking", False))

    def answering(self, model: ModelPlan) -> Callable[[Request], Answer]:
        """A function that asks a blocking model in the calling thread; raises CallFailed. Made once a test."""
        rooms, usage, purse = self._rooms, self._usage, self.purse(model)
        complete: Callable[[Request], Reply] = rooms.provider(model).complete_now  # type: ignore[attr-defined]

        def ask(request: Request) -> Answer:
            _check(purse)
            try:
                reply = complete(request)
            except ProviderError as fault:
                raise CallFailed("raised", rooms.redact_text(fault.message)) from None
            took = usage(model, reply)
            purse.book(took)
            return Answer(rooms.redact(reply), took)

        return ask

    async def ask(self, model: ModelPlan, request: Request, key: CallKey) -> Answer:
        """The recorded reply, or a live one; raises CallFailed."""
        if not self.recorded(model) or (key.private and self._rooms.mode != "replay"):
            reply, queued = await self._live(model, request)
            return self._answer(model, reply, queued, replayed=False)
        return await self._ask_recorded(model, request, key)

    def recorded(self, model: ModelPlan) -> bool:
        """Whether the cassette stands between the subject and this model."""
        if self._rooms.cassette is None or self._rooms.mode == "live" or model.record is False:
            return False
        return bool(model.record) or self._rooms.is_live(model)

    async def _ask_recorded(self, model: ModelPlan, request: Request, key: CallKey) -> Answer:
        cassette = self._rooms.cassette
        assert cassette is not None
        found = cassette.find(request, key)
        if found is not None:
            # What is redacted may have grown since the reply was recorded.
            return self._answer(model, self._rooms.redact(found), 0.0, replayed=True)
        if self._rooms.mode == "replay":
            how = self._rooms.how_to_record
            message = f"no recorded reply of {model.alias!r} for this request; record it: {how}"
            if key.private:
                message = f"the case opted out, so no reply of {model.alias!r} is kept: run it with --llm-record=live"
            raise CallFailed("missing-recording", message, fatal=True)
        # Two trials with one key must get one reply, or live and replay would judge different things.
        same = (model.alias, repr(request.messages), key)
        running = self._under_way.get(same)
        if running is not None:
            return self._answer(model, await asyncio.shield(running), 0.0, replayed=True)
        self._under_way[same] = mine = asyncio.get_running_loop().create_future()
        try:
            reply, queued = await self._live(model, request)
            cassette.keep(request, key, reply)
            reply = cassette.find(request, key) or reply  # another worker may have been first
            mine.set_result(reply)
        except BaseException as fault:
            mine.set_exception(fault if isinstance(fault, Exception) else CallFailed("interrupted", "interrupted"))
            mine.exception()  # seen here; whoever waits sees it too
            raise
        finally:
            del self._under_way[same]
        return self._answer(model, reply, queued, replayed=False)

    def _answer(self, model: ModelPlan, reply: Reply, queued: float, *, replayed: bool) -> Answer:
        return Answer(reply, self._usage(model, reply), queued, replayed)

    def _usage(self, model: ModelPlan, reply: Reply) -> Usage:
        usage = usage_of(reply)
        if usage.cost_usd is None and usage.input_tokens is not None:
            return usage._replace(cost_usd=self._rooms.prices.cost(model.model, usage))
        return usage

    async def _live(self, model: ModelPlan, request: Request) -> tuple[Reply, float]:
        """One answered call, paid and redacted, and the milliseconds it waited for us."""
        rooms = self._rooms
        reserved = rooms.prices.ceiling(request) if rooms.is_live(model) else None
        if not reserved:
            return await self._paid_afterwards(model, request)
        await self._reserve(reserved, model.deadline_s)
        spent = reserved  # a call that failed may have been billed: what was set aside counts as spent
        try:
            reply, queued = await self._one_of_few(model, request)
            usage = self._usage(model, reply)
            spent = usage.cost_usd if usage.cost_usd is not None else spent
        finally:
            rooms.ledger.settle(reserved, spent)
        return rooms.redact(reply), queued

    async def _paid_afterwards(self, model: ModelPlan, request: Request) -> tuple[Reply, float]:
        """The same for a model that no price says before what it may cost."""
        purse = self.purse(model)
        _check(purse)
        reply, queued = await self._one_of_few(model, request)
        purse.book(self._usage(model, reply))
        return self._rooms.redact(reply), queued

    async def _reserve(self, amount: Decimal, patience_s: float) -> None:
        """Set money aside for a call; where calls under way hold it, wait until they have settled."""
        ledger, until = self._rooms.ledger, time.monotonic() + patience_s
        while not ledger.reserve(amount):
            if not ledger.reserved or time.monotonic() > until:
                self._rooms.out_of_budget()
                said = f"${ledger.spent:f} is spent, and the next call may cost ${amount:f}"
                raise CallFailed("budget", f"the budget of this run does not cover another call: {said}")
            await asyncio.sleep(_SETTLE_S)

    async def _one_of_few(self, model: ModelPlan, request: Request) -> tuple[Reply, float]:
        """Wait for a place where a provider can only serve so many at once; the deadline begins after that."""
        most: int | None = getattr(self._rooms.provider(model), "max_in_flight", None)
        if most is None:
            return await self._attempts(model, request)
        gate = self._gates.setdefault(model.alias, asyncio.Semaphore(most))
        began = time.monotonic()
        async with gate:
            waited = (time.monotonic() - began) * 1000.0
            reply, queued = await self._attempts(model, request)
            return reply, queued + waited

    async def _attempts(self, model: ModelPlan, request: Request) -> tuple[Reply, float]:
        """Try until an answer, a refusal or the deadline; retries only what came before any content."""
        provider, queued = self._rooms.provider(model), 0.0
        try:
            async with asyncio.timeout(model.deadline_s) as limit:
                for attempt in range(model.max_retries + 1):
                    queued += await self._turn(model, limit)
                    try:
                        return await self._complete(provider, request), queued * 1000.0
                    except ProviderError as fault:
                        if not fault.retryable or attempt == model.max_retries:
                            raise self._failed(fault, attempt) from None
                        pause = _pause(fault, attempt)
                        self._in_time(model, limit, pause, fault)
                        await asyncio.sleep(pause)
                        queued += pause
        except TimeoutError:
            raise CallFailed("timeout", f"no answer within {model.deadline_s:g} s") from None
        raise AssertionError("the loop returns or raises")

    async def _complete(self, provider: Provider, request: Request) -> Reply:
        """One attempt; whatever else a provider raises is this call's failure and not the run's."""
        try:
            return await provider.complete(request)
        except (ProviderError, TimeoutError):
            raise
        except LlmgateError as fault:  # a mistake that no further call can mend
            raise CallFailed("refused", self._rooms.redact_text(str(fault)), fatal=True) from None
        except Exception as fault:
            raise CallFailed("raised", self._rooms.redact_text(f"{type(fault).__name__}: {fault}")) from None

    def _failed(self, fault: ProviderError, attempt: int) -> CallFailed:
        tries = f" (after {attempt + 1} attempts)" if attempt else ""
        kind = "transport" if fault.retryable else "refused"
        return CallFailed(kind, self._rooms.redact_text(fault.message) + tries)

    def _in_time(self, model: ModelPlan, limit: asyncio.Timeout, pause: float, fault: ProviderError) -> None:
        """Give up at once where the server asks to wait beyond the deadline."""
        ends = limit.when()
        if ends is not None and asyncio.get_running_loop().time() + pause > ends:
            why = self._rooms.redact_text(fault.message)
            wait = f"the next attempt is due in {pause:.0f} s, beyond the deadline of {model.deadline_s:g} s"
            raise CallFailed("transport", f"{why}; {wait}")

    async def _turn(self, model: ModelPlan, limit: asyncio.Timeout) -> float:
        """Wait for this provider's rate limit; the seconds waited, which the deadline is put off by."""
        if model.requests_per_minute is None:
            return 0.0
        place = model.base_url or model.provider
        pause = self._rooms.ledger.turn(place, model.requests_per_minute)
        if pause > 0:
            ends = limit.when()
            limit.reschedule(None if ends is None else ends + pause)  # our own queue is no fault of the model
            await asyncio.sleep(pause)
        return pause


def _check(purse: Purse) -> None:
    """Send nothing once the run has reached its cap."""
    why = purse.refusal()
    if why:
        raise CallFailed("budget", why)


def _pause(fault: ProviderError, attempt: int) -> float:
    """Back-off before the next attempt: what the server asked for, else doubling with jitter."""
    if fault.retry_after_s is not None:
        return max(0.0, fault.retry_after_s)
    longest = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0**attempt)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, decides nothing
