"""One test of a comparison: its trials are drawn from both sides until every measure of it is decided."""

from __future__ import annotations

from itertools import count
from typing import Any

from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.engine.stream import HOPELESS
from pytest_llmgate.session.comparing.deciding import FIGURES, CostMeasure, PairedMeasure, Taken, Wanted
from pytest_llmgate.session.comparing.sampling import Side

_FIRST_BATCH = 32
_COST_N = 400


class TestCompared:
    """One test of a comparison while it is sampled. drawn: pairs so far."""

    __test__ = False

    def __init__(self, plan: TestPlan, wanted: Wanted) -> None:
        self.plan = plan
        self.taken = Taken()
        self.drawn = 0
        self._reason = "ceiling"
        self._fatal = False
        self._faults: dict[str, str] = {}  # by side, the first trial that gave nothing to go by
        most = plan.max_errors
        self._measures = [PairedMeasure(plan.id, gate.name, wanted, plan.trials, most) for gate in plan.gates]
        n, cases = min(plan.trials, _COST_N), len(plan.cases)
        self._cost = None if wanted.increase is None else CostMeasure(plan.id, wanted, n, cases, most)

    def run(self, old: Side, new: Side) -> None:
        """Draw batches from both sides until all is decided, too much could not be judged, or there is no more."""
        for size in self._batches():
            for side in (old, new):
                side.draw(self.plan.id, size)
            pairs = zip(old.records(self.plan.id, size), new.records(self.plan.id, size), strict=False)
            found = list(pairs)[self.drawn :]
            for earlier, today in found:
                self._fold(earlier, today)
            self.drawn += len(found)
            if not self._decided() and self._hopeless():
                self._reason = "error"
                return
            if self._decided() or self.drawn < size:
                break
        self._reason = old.ended(self.plan.id) or new.ended(self.plan.id) or "ceiling"

    def _fold(self, earlier: TrialRecord, today: TrialRecord) -> None:
        self.taken.add(earlier, today)
        for measure in self._measures:
            measure.add(earlier.verdicts.get(measure.name), today.verdicts.get(measure.name))
        if self._cost is not None:
            self._cost.add(earlier, today, self.taken)
        self._fatal |= earlier.fatal or today.fatal
        for side, record in (("baseline", earlier), ("candidate", today)):
            if side not in self._faults and (why := _fault(record)):
                self._faults[side] = f"case {record.case}, repeat {record.trial.repeat}: {why}"

    def _batches(self) -> list[int]:
        """Trials after which all are looked at: always twice as many, up to the most; and every look at the cost.

        The first look comes where a model that never answers is given up.
        """
        sizes = {self.plan.trials, HOPELESS, *(self._cost.rule.looks if self._cost is not None else ())}
        for power in count():
            size = _FIRST_BATCH << power
            if size >= self.plan.trials:
                return sorted(each for each in sizes if each <= self.plan.trials)
            sizes.add(size)
        raise AssertionError("count() has no end")

    def _all(self) -> list[PairedMeasure | CostMeasure]:
        return [*self._measures, *([self._cost] if self._cost is not None else [])]

    def _decided(self) -> bool:
        return all(measure.decision is not None for measure in self._all())

    def _hopeless(self) -> bool:
        """Whether more trials are pointless, as some measure that is open will be an error whatever they say."""
        still = [measure for measure in self._all() if measure.decision is None]
        return self._fatal or any(measure.unscored.hopeless(self.plan.trials) for measure in still)

    def rows(self) -> list[dict[str, Any]]:
        """The measures as they stand in the result."""
        found = [measure.row(self._reason) for measure in self._measures]
        if self._cost is not None:
            found.append(self._cost.row(self.taken, self._reason))
        return [{**row, "problem": self._problem(row)} for row in found]

    def _problem(self, row: dict[str, Any]) -> str | None:
        """The first trial that a measure could not be judged on, of the side that has more of them."""
        if row["verdict"] != "error":
            return None
        side = max(("candidate", "baseline"), key=lambda name: int(row["unscored"][name]))
        if side in self._faults:
            return f"{side}, {self._faults[side]}"
        counts = self._cost is not None and row["measure"] == self._cost.name and row["stop_reason"] == "holes"
        return f"{side}: tokens in and out were not counted" if counts else None

    def taken_rows(self) -> dict[str, Any]:
        """What both sides took."""
        return {figure: self.taken.row(figure) for figure in FIGURES}


def _fault(record: TrialRecord) -> str:
    """Why a trial gave nothing to go by, or nothing where it did."""
    if record.error is not None:
        return record.error
    unscored = [name for name, good in record.verdicts.items() if good is None]
    return "; ".join(f"{name}: {record.reasons.get(name, 'no score')}" for name in unscored)
