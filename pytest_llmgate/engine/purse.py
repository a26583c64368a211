"""Money that is known only afterwards: replies that say themselves what they cost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from pytest_llmgate.core.ports import Ledger
from pytest_llmgate.core.reply import Usage

_NOTHING = Decimal(0)


class Purse:
    """Books what the replies of one model, function or test body cost, and ends the run at its cap.

    No price says before a call what it may cost, so nothing is set aside for it. name: for the summary. capped: whether
    somebody set a cap; the usual one is for calls with a price, and nothing is booked against it here.
    out_of_budget: told when money ends. costs: whether a reply named a cost. unpriced: whether one counted tokens and
    named none, so that the cap does not cover it. Implements the port Payments.
    """

    __slots__ = ("_answered", "_capped", "_ledger", "_out_of_budget", "costs", "name", "unpriced")

    def __init__(self, name: str, ledger: Ledger, out_of_budget: Callable[[], None], *, capped: bool = True) -> None:
        self.name = name
        self.costs = False
        self.unpriced = False
        self._answered = False
        self._capped = capped
        self._ledger = ledger
        self._out_of_budget = out_of_budget

    def refusal(self) -> str:
        """Why no further call may be made, or nothing; the run ends with it.

        What answers and names no cost is taken to be free: it is asked on, without a look into the shared ledger.
        """
        if not self._capped or (self._answered and not self.costs) or not self._ledger.exhausted:
            return ""
        self._out_of_budget()
        return f"the budget of this run is used up: ${self._ledger.spent:f} is spent"

    def book(self, usage: Usage) -> None:
        """Count one answered call, that was not replayed."""
        self._answered = True
        if usage.cost_usd:
            self.costs = True
            if self._capped:
                self._ledger.settle(_NOTHING, usage.cost_usd)
        elif self._capped and usage.cost_usd is None and (usage.input_tokens, usage.output_tokens) != (None, None):
            self.unpriced = True
