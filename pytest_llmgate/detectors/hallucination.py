"""`hallucination`: one calibrated risk from grounding, schema and contradiction, with its parts in the reason.

A flag rate can only be gated where it is known how often a good answer is flagged: the type needs a calibration on
one's own labels, beside the suite, whose false-positive rate allows the rate that is asked for. Against a baseline it
needs none: false flags come in both.

With `repeats`, an answer is the first reply of a group, and the others are asked whether they contradict it: that is
what the calibration's labels were given for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where, not_available, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.plan import Flagging
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.rates import opposite
from pytest_llmgate.detectors.calibration import CONTRADICTION, LEAST, Calibration, uncalibrated
from pytest_llmgate.detectors.calibration_file import calibration_digest, from_text, model_digest, name_beside
from pytest_llmgate.detectors.checks import bad_parameter, hole, shown
from pytest_llmgate.detectors.grounded import GroundedMeasure, grounded_measure
from pytest_llmgate.detectors.groups import USUAL_REPEATS, repeats_from, replies_of
from pytest_llmgate.detectors.hallucination_risk import Parts, composite, contradiction_logit
from pytest_llmgate.detectors.is_json import IS_JSON

WAYS_OUT = (
    "gate the findings with type: grounded, or fit a calibration with: llmgate calibrate labels.jsonl, "
    "or compare with a baseline (baseline: true)"
)


@dataclass(frozen=True, slots=True)
class HallucinationMeasure:
    """Good where the calibrated risk is below the calibration's threshold.

    schema: what every reply must conform to. repeats: replies that are judged together; of 1, each by itself.
    """

    grounding: GroundedMeasure
    calibration: Calibration
    schema: Measure | None
    repeats: int = 1

    @property
    def flagging(self) -> Flagging:
        """What the calibration's labels say of its flags."""
        known = self.calibration
        if not known.labels:
            return Flagging(digest=model_digest(), good=0, false_flags=0, bad=0, caught=0)
        counts = {"good": known.good, "false_flags": known.false_flags, "bad": known.bad, "caught": known.caught}
        return Flagging(digest=calibration_digest(known), **counts)

    def undefined(self, case: Case) -> list[str]:
        """Why this case cannot be measured, as clauses; empty where it can."""
        return self.grounding.undefined(case)

    def measure(self, case: Case, seen: Observation) -> Measurement:
        """The measurement of one reply; a hole where several are judged together."""
        if self.repeats > 1 and seen.reply is not None:
            return Measurement(None, None, f"needs {self.repeats} replies to a case")
        return self._judged(case, [seen])

    def measure_together(self, case: Case, seen: Sequence[Observation]) -> Measurement:
        """The measurement of one group: its first reply, beside the others. The schema binds all of them."""
        return self._judged(case, seen)

    def _judged(self, case: Case, seen: Sequence[Observation]) -> Measurement:
        replies = replies_of(seen)
        if isinstance(replies, str):
            return Measurement(None, None, replies) if len(seen) > 1 else hole(seen[0])
        kept = self._kept(case, seen)
        if kept is not None and kept.good is None:
            return Measurement(None, None, f"schema: {kept.reason}")
        found = self.grounding.assess(case, replies[0])
        if isinstance(found, str):
            return Measurement(None, None, found)
        apart = contradiction_logit(replies) if len(replies) > 1 else None
        schema = None if kept is None else kept.good
        if isinstance(apart, str):
            if schema is not False:
                return Measurement(None, None, apart)
            apart = 0.0  # a violated schema is certain, whatever the replies say of each other
        parts = composite(self.calibration, found, schema=schema, contradiction=apart)
        reason = f"{_words(parts, self.calibration)}, {len(found.findings)} findings"
        if kept is not None and not kept.good:
            reason += f"; {kept.reason}"
        good = parts.risk < self.calibration.threshold
        spans = () if good or len(replies) > 1 else self.grounding.spans(found, replies[0])
        return Measurement(good, parts.risk, reason, spans=spans)

    def _kept(self, case: Case, seen: Sequence[Observation]) -> Measurement | None:
        """What the schema says: the first violation, else the first reply that it cannot judge; None without one."""
        if self.schema is None:
            return None
        found = [self.schema.measure(case, one) for one in seen]
        rank = {False: 0, None: 1, True: 2}
        at = min(range(len(found)), key=lambda place: rank[found[place].good])
        place = f"reply {at + 1} of {len(found)}: " if len(found) > 1 and not found[at].good else ""
        return found[at]._replace(reason=f"{place}{found[at].reason}")


def _words(parts: Parts, known: Calibration) -> str:
    schema = {None: "", True: ", schema kept", False: ", schema violated"}[parts.schema]
    apart = "" if parts.contradiction is None else f", contradiction {parts.contradiction:.2f}"
    risks = f"grounding {parts.grounding:.2f}{apart}{schema}"
    return f"risk {parts.risk:.2f}, flagged from {known.threshold:.2f}: {risks}"


class HallucinationAssertion:
    """The assertion type `hallucination`."""

    keys = frozenset(
        {
            "sources",
            "schema",
            "repeats",
            "max_flag_rate",
            "bad_flag_rate",
            "calibration",
            "baseline",
        }
    )

    def rates(self, params: Mapping[str, Any]) -> tuple[float | None, float | None]:
        """The success rates behind rates of flagged answers."""
        good, bad = params.get("max_flag_rate"), params.get("bad_flag_rate")
        return None if good is None else opposite(good), None if bad is None else opposite(bad)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError without a calibration that allows the rate, and for what comes later."""
        known = _calibration(params, files, where)
        _check_rates(params, known, where)
        schema = params.get("schema")
        kept = None if schema is None else IS_JSON.build({"value": schema}, files, where)
        sources = {key: params[key] for key in ("sources",) if key in params}
        grounding = grounded_measure(sources, files, where)
        return HallucinationMeasure(grounding, known, kept, _repeats(params, known, where))


def _calibration(params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Calibration:
    name = params.get("calibration")
    if name is not None and not isinstance(name, str):
        raise bad_parameter("calibration", f"{shown(name)} is no file", where)
    beside = name or ("" if where is None else name_beside(where.path))
    if not beside or (name is None and not (files.base / beside).is_file()):
        if params.get("baseline"):
            return uncalibrated()  # the same measure flagged the baseline's answers, good ones among them
        wanted = f": there is no {beside}" if beside else ""
        message = f"nobody knows how often this measure flags a good answer of yours{wanted}"
        raise problem("hallucination-uncalibrated", message, where, WAYS_OUT)
    known = from_text(files.read_text(beside, where), Where(beside))
    if not known.calibrated:
        message = f"{beside} rests on {known.labels} labels, and it takes {LEAST}: it ranks answers and decides nothing"
        raise problem("hallucination-uncalibrated", message, where, WAYS_OUT)
    return known


def _repeats(params: Mapping[str, Any], known: Calibration, where: Where | None) -> int:
    """Replies to a case that are judged together: as many as the calibration can judge, one or several."""
    several = CONTRADICTION in known.names
    raw = params.get("repeats", USUAL_REPEATS if several else 1)
    if not several and raw == 1 and not isinstance(raw, bool):
        return 1
    repeats = repeats_from(raw, where)
    if where is not None and where.path.endswith(".py"):
        raise not_available("hallucination with several replies to a case, in a test module", where)
    if not several:
        fault = f"{repeats} replies to a case, and the calibration knows one: its labels have no 'replies'"
        raise bad_parameter("repeats", fault, where, "calibrate with the other replies to each case, or leave it out")
    return repeats


def _check_rates(params: Mapping[str, Any], known: Calibration, where: Where | None) -> None:
    good, bad = _rate(params, "max_flag_rate", where), _rate(params, "bad_flag_rate", where)
    if params.get("baseline") and (good, bad) != (None, None):
        hint = "write two assertions, one of each"
        raise bad_parameter("max_flag_rate", "a gate on a baseline has no rates of its own", where, hint)
    if good is None:
        if bad is not None:
            raise bad_parameter("bad_flag_rate", "it needs max_flag_rate beside it", where)
        return
    if bad is not None and bad <= good:
        raise bad_parameter("bad_flag_rate", f"{bad:g} is not above max_flag_rate, {good:g}", where)
    if known.false_upper > good:
        message = (
            f"max_flag_rate {good:.1%} is below what good answers alone may cause: "
            f"{known.false_flags} of {known.good} good labels were flagged, at most {known.false_upper:.1%} at 95 %"
        )
        hint = "allow more, or calibrate with more labels or a lower wanted rate of false flags"
        raise problem("calibration-too-weak", message, where, f"{hint}; or {WAYS_OUT}")


def _rate(params: Mapping[str, Any], name: str, where: Where | None) -> float | None:
    raw = params.get(name)
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not 0.0 < raw < 1.0:
        raise bad_parameter(name, f"{shown(raw)} is no rate above 0 and below 1", where)
    return float(raw)


HALLUCINATION = HallucinationAssertion()
