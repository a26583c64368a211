"""A comparison in words, for the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmgate.core.rates import percent
from pytest_llmgate.engine.compared_words import points
from pytest_llmgate.reports.escape import harmless, no_command, wrapped
from pytest_llmgate.reports.words import counted

_UNITS = {"total_tokens": "tokens", "cost_usd": "USD", "latency_ms": "ms"}
Row = Mapping[str, Any]


def lines(result: Row, width: int = 80) -> list[str]:
    """The advice with its reasons, in lines of at most `width` columns; text of users is made harmless."""
    found = []
    for indent, sentence in _sentences(result):
        for number, line in enumerate(wrapped(harmless(sentence), width - 1 - indent - 2)):
            found.append(" " * (indent + (2 if number else 0)) + no_command(line))
    return found


def _sentences(result: Row) -> Iterator[tuple[int, str]]:
    yield 0, f"{result['advice'].upper()}: {_reason(result)}"
    yield 0, f"{result['candidate']} in place of {result['baseline']} on {result['file']}"
    for row in result["measures"]:
        yield 2, f"{row['verdict']}: {row['test'].rpartition('::')[2]}, {row['measure']}: {_measure(row, result)}"
    for test in result["taken"]:
        for figure, unit in _UNITS.items():
            if test[figure] is not None:
                yield 2, f"{test['test'].rpartition('::')[2]}: {_taken(test[figure], unit)}"
    if result["traffic"] is not None and result["traffic"]["without_reply"]:
        yield 2, f"traffic: {_traffic(result['traffic'])}"
    for row in result["feedback"]:
        yield 2, f"people: {_people(row)}"
    if result["repeated_feedback"]:
        yield 2, f"people: {counted(result['repeated_feedback'], 'answer')} given twice, and counted once"
    for name in result["left_out"]:
        yield 2, f"not compared: {name}"
    yield 0, f"results: {result['directory']}"


def _reason(result: Row) -> str:
    """Why, in one sentence: the measures that decided it, and what to do next where none did."""
    measures = result["measures"]
    named = {word: [row for row in measures if row["verdict"] == word] for word in ("fail", "error", "inconclusive")}
    if named["fail"]:
        worse = ", ".join(f"{row['test'].rpartition('::')[2]} {row['measure']}" for row in named["fail"])
        return f"the candidate is worse at {worse}"
    if named["error"]:
        unjudged = counted(len(named["error"]), "measure")
        return f"{unjudged} of {len(measures)} could not be judged; mend what the first trial says, and compare again"
    if named["inconclusive"]:
        number, hints = len(named["inconclusive"]), dict.fromkeys(map(_hint, named["inconclusive"]))
        return f"{counted(number, 'measure')} of {len(measures)} could not be decided; {', '.join(hints)}"
    if len(measures) == 1:
        return "the only measure keeps what the baseline has"
    return f"all {len(measures)} measures keep what the baseline has"


_HINTS = {
    "ceiling": "allow more --trials",
    "recording-end": "add rows with a reply to --cases",
    "budget": "raise --budget",
    "feedback-end": "gather feedback on more cases, on both sides",
}


def _hint(row: Row) -> str:
    return _HINTS.get(row["stop_reason"], f"it ended early ({row['stop_reason']})")


def _measure(row: Row, result: Row) -> str:
    if row["verdict"] == "error":
        return _not_judged(row)
    if row["measure"] == "cost-regression":
        change = "not measured" if row["ratio"] is None else _change(row["ratio"] - 1)
        ends = f"+ {percent(row['margin'])} must be caught"
        return f"tokens {change} in {counted(row['pairs'], 'pair')}{_unscored(row)}; {ends}"
    if row["candidate_rate"] is None:
        return f"{counted(row['pairs'], 'pair')}, nothing scored{_unscored(row)}"
    rates = f"good {percent(row['candidate_rate'])}, baseline {percent(row['baseline_rate'])}"
    counts = f"{counted(row['pairs'], 'pair')}, {row['worse']} worse, {row['better']} better{_unscored(row)}"
    ends = {
        "pass": f"{points(row['margin'])} or more worse is ruled out ({percent(result['wanted']['beta'])} risk)",
        "fail": "no worse is ruled out",
        "inconclusive": f"cannot tell the same from {points(row['margin'])} worse yet",
    }[row["verdict"]]
    return f"{rates}; {counts}: {ends}"


def _unscored(row: Row) -> str:
    """Trials of either side that a measure had nothing to go by, where there are any."""
    found = row["unscored"]
    sides = [f"{found[side]:,} of the {side}" for side in ("baseline", "candidate") if found[side]]
    return f", not scored: {' and '.join(sides)}" if sides else ""


def _not_judged(row: Row) -> str:
    """Which side could not be scored how often, and the first of its trials that could not."""
    found, first = row["unscored"], f"; first: {row['problem']}" if row["problem"] else ""
    most = max(("candidate", "baseline"), key=lambda side: int(found[side]))
    of = counted(found["of"], "trial")
    if row["stop_reason"] != "holes":
        return f"could not be judged after {of}{first}"
    share = f"{found[most]:,} of {of} of the {most} could not be scored"
    return f"{share} (limit {percent(found['limit'])}, max_errors){first}"


def _traffic(row: Row) -> str:
    gone = f"{row['without_reply']:,} of {counted(row['rows'], 'row')} {'has' if row['without_reply'] == 1 else 'have'}"
    return f"{gone} no reply, and nothing to compare with"


def _taken(row: Row, unit: str) -> str:
    shown = f"{row['candidate']:.4g} {unit} a trial, baseline {row['baseline']:.4g}"
    if row["ratio"] is None or row["interval"] is None:
        return shown
    low, high = row["interval"]
    return f"{shown}: {_change(row['ratio'] - 1)} ({_change(low - 1)} to {_change(high - 1)} at 95 %)"


def _change(share: float) -> str:
    return f"{'−' if share < 0 else '+'} {percent(abs(share))}"


def _people(row: Row) -> str:
    sides = [
        f"{side} {row[side]['said']} of {counted(row[side]['cases'], 'case')}"
        for side in ("baseline", "candidate")
        if side in row
    ]
    return f"{row['feedback']}: {', '.join(sides)}"
