"""A run as a tree of spans, made from its records: run, tests, trials. Never a word of a prompt or a reply.

A trial of this run ended when its record says, and began as long before as it took; tests reach from their first trial
to their last one. What was replayed took place in another run: it begins with its test and has no length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pytest_llmgate.reports import semconv
from pytest_llmgate.reports.asked import UNKNOWN, Asked
from pytest_llmgate.reports.escape import clipped, visible
from pytest_llmgate.reports.exposition import measured

MOST_TRIALS = 100
"""Spans of trials that a test has at most, the first ones by index; metrics count all of them."""
MOST_TRIALS_OF_RUN = 10_000
_LONGEST = 300
_KIND = "llmgate.kind"
Attributes = dict[str, str | int | float | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What was judged, at the end of a span."""

    attributes: Attributes


@dataclass(slots=True, kw_only=True)
class Span:
    """A span to be.

    start_s: epoch seconds; None for one that begins with its first child, or else with the span that it is in.
    length_s: None for one whose length nobody measured: it ends with its last child.
    """

    name: str
    attributes: Attributes
    start_s: float | None = None
    length_s: float | None = None
    client: bool = False
    failed: bool = False
    events: list[Event] = field(default_factory=list)
    children: list[Span] = field(default_factory=list)

    def times(self, around: float = 0.0) -> tuple[float, float]:
        """When it begins and ends, in epoch seconds; around: the start of the span that it is in."""
        start = self.start_s
        if start is None:
            start = min((known for child in self.children if (known := child.start_s) is not None), default=around)
        ends = [child.times(start)[1] for child in self.children]
        return start, max([start + (self.length_s or 0.0), *ends])


def run_span(result: Mapping[str, Any], trials: Iterable[Mapping[str, Any]], asked: Asked) -> Span:
    """The span of a run with its tests and their first trials. trials: rows of `trials.jsonl`, read once."""
    run = result["run"]
    whole = Span(
        name="llmgate run",
        start_s=started(result),
        length_s=_float(result["execution"].get("wall_s")),
        failed=result["verdict"] in ("fail", "error"),
        attributes=_known(
            {
                "llmgate.run.id": run.get("id"), "llmgate.run.record": run.get("record"),
                "llmgate.run.commit": run.get("commit"), "llmgate.verdict": result["verdict"],
            }
        ),
    )  # fmt: skip
    tests = {test["id"]: _test(test) for test in result["tests"]}
    left_out: dict[str, int] = {}
    taken = 0
    for row in trials:
        test = tests.get(row.get("test"))
        if test is None:
            continue
        if len(test.children) < MOST_TRIALS and taken < MOST_TRIALS_OF_RUN:
            test.children.append(_trial(row, asked, circuit=test.attributes.get(_KIND) == "circuit"))
            taken += 1
        else:
            left_out[row["test"]] = left_out.get(row["test"], 0) + 1
    for name, count in left_out.items():
        tests[name].attributes["llmgate.trials.left_out"] = count
    whole.children = list(tests.values())
    return whole


def started(result: Mapping[str, Any]) -> float | None:
    """When the run began, in epoch seconds; None where its records do not say."""
    try:
        return datetime.fromisoformat(str(result["run"].get("started"))).timestamp()
    except ValueError:
        return None


def _test(test: Mapping[str, Any]) -> Span:
    found = Span(
        name=f"test {_text(test['id'])}",
        failed=test["verdict"] in ("fail", "error"),
        attributes=_known(
            {
                "llmgate.test.id": test["id"], "llmgate.suite": test.get("suite"), _KIND: test.get("kind"),
                "llmgate.verdict": test["verdict"], "llmgate.trials": test.get("trials"),
            }
        ),
    )  # fmt: skip
    found.events += [_judged(gate["name"], gate.get("estimate"), gate["verdict"]) for gate in test["gates"]]
    return found


def _trial(row: Mapping[str, Any], asked: Asked, *, circuit: bool) -> Span:
    error = str(row["error"]).partition(":")[0] if row.get("error") else None
    common = {
        "llmgate.trial.index": row.get("index"), "llmgate.trial.repeat": row.get("repeat"),
        "llmgate.trial.case": row.get("case"), "llmgate.trial.replayed": bool(row.get("replayed")),
        "llmgate.trial.overrun": bool(row.get("overrun")), semconv.ERROR_TYPE: error,
    }  # fmt: skip
    name, own = ("quantum job", _job(row.get("outcome") or {})) if circuit else _call(row, asked)
    latency = _seconds(row.get("latency_ms"))
    if row.get("replayed"):  # nothing took place in this run
        common["llmgate.trial.recorded_latency_s"], latency = latency, 0.0
    ended = None if row.get("replayed") else _float(row.get("ended_at"))
    made = Span(
        name=name,
        start_s=None if ended is None else ended - (latency or 0.0),
        length_s=latency or 0.0,
        client=True,
        failed=error is not None,
        attributes=_known({**common, **own}),
    )
    if latency is None:
        made.attributes["llmgate.timing"] = "its length was not measured"
    words = {True: "good", False: "bad", None: "not scored"}
    scores = row.get("scores") or {}
    made.events += [_judged(gate, scores.get(gate), words[good]) for gate, good in (row.get("verdicts") or {}).items()]
    return made


def _call(row: Mapping[str, Any], asked: Asked) -> tuple[str, Mapping[str, Any]]:
    who = asked.subject(str(row.get("test")))
    usage = next(used for _, used in asked.usages(row))  # of the subject, without its judges
    known = who.model != UNKNOWN
    return f"{semconv.CHAT} {_text(who.model)}" if known else semconv.CHAT, {
        semconv.OPERATION: semconv.CHAT,
        semconv.PROVIDER: who.provider,
        semconv.REQUEST_MODEL: who.model if known else None,
        semconv.RESPONSE_MODEL: row.get("model"),
        semconv.INPUT_TOKENS: usage.input_tokens,
        semconv.OUTPUT_TOKENS: usage.output_tokens,
    }


def _job(outcome: Mapping[str, Any]) -> Mapping[str, Any]:
    job = outcome.get("job") or {}
    times = {f"llmgate.quantum.{state}_s": _float(moment) for state, moment in (job.get("at_s") or {}).items()}
    return {
        "llmgate.quantum.device": job.get("device"),
        "llmgate.quantum.job": job.get("id"),
        "llmgate.quantum.status": job.get("status"),
        "llmgate.quantum.shots": outcome.get("shots"),
        "llmgate.quantum.method": outcome.get("method"),
        "llmgate.quantum.billed_s": _float(job.get("billed_s")),
        "llmgate.quantum.cost_usd": _float(job.get("cost_usd")),
        **times,
    }


def _judged(name: str, score: Any, label: str) -> Event:
    score = score if isinstance(score, (int, float)) and not isinstance(score, bool) else None
    values = {semconv.EVALUATION_NAME: name, semconv.EVALUATION_SCORE: score, semconv.EVALUATION_LABEL: label}
    return Event(attributes=_known(values))


def _known(values: Mapping[str, Any]) -> Attributes:
    """Attributes without what nobody knows; texts are harmless and short."""
    return {
        name: _text(value) if isinstance(value, str) else value for name, value in values.items() if value is not None
    }


def _text(text: str) -> str:
    return clipped(visible(text), _LONGEST)


def _float(value: Any) -> float | None:
    number = measured(value)
    return None if number is None else float(number)


def _seconds(milliseconds: Any) -> float | None:
    number = _float(milliseconds)
    return None if number is None else number / 1000
