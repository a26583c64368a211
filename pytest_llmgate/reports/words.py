"""Figures and verdicts in words, the same in every report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_llmgate.core.plan import EQUIVALENT
from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports import circuit_words, compared_words
from pytest_llmgate.reports.numbers import counted, money

__all__ = [
    "asked_before", "counted", "expected", "failing_fields", "figures", "headline", "measured", "money", "percent",
    "proposed_baselines", "provenance", "rates", "replaced", "sentence", "shared_risk", "spent_by", "spent_in_all",
    "standing", "tokens",
]  # fmt: skip

_VERBS = {"fail": ("fails", "fail"), "error": ("could not be judged", "could not be judged")}


def tokens(usage: Mapping[str, Any]) -> str:
    """Tokens in and out, or nothing where nobody counted them."""
    sent, received = usage.get("input_tokens"), usage.get("output_tokens")
    if sent is None and received is None:
        return ""
    return f"{_figure(sent)} tokens in, {_figure(received)} out"


def spent_by(test: Mapping[str, Any]) -> str:
    """What one test took: trials, cases, holes, calls, tokens, money; a circuit its shots, and where they are from."""
    if test.get("circuit"):
        return circuit_words.drawn(test)
    cases = f"{counted(test['trials'], 'trial')} on {test['cases']:,} of {counted(test['cases_total'], 'case')}"
    holes = [f"{test['holes']:,} not scored"] if test["holes"] else []
    return ", ".join([cases, *holes, *_calls(test["usage"], [test]), *_judges(test.get("judges"))])


def spent_in_all(result: Mapping[str, Any]) -> str:
    """What the run took; chunks of shots are no trials, and jobs of a device are no calls of a model.

    A sum over tests of which some are unknown is a lower bound, and says of how many calls it is.
    """
    totals, shots = result["totals"], circuit_words.shots_in_all(result["tests"])
    if shots is None:
        return ", ".join([counted(totals["trials"], "trial"), *_calls(totals, result["tests"])])
    trials, calls = totals["trials"] - shots.chunks, totals["calls"] - shots.jobs
    parts = [counted(trials, "trial")] if trials or len(result["tests"]) > shots.tests else []
    said = _calls({**totals, "calls": calls}, result["tests"])
    return ", ".join([*parts, *said, *shots.words(None if calls else totals["cost_usd"])])


def _calls(totals: Mapping[str, Any], tests: Sequence[Mapping[str, Any]]) -> list[str]:
    """Calls, tokens and money of these tests. totals: their sums."""
    used = [test["usage"] for test in tests if test["usage"]["calls"] and not test.get("circuit")]
    if not totals["calls"]:
        return []
    counted_by = min(known_calls(used, "input_tokens"), known_calls(used, "output_tokens"))
    return [
        part
        for part in (
            counted(totals["calls"], "call"),
            _at_least(tokens(totals), counted_by, totals["calls"], "counted"),
            _at_least(money(totals["cost_usd"]), known_calls(used, "cost_usd"), totals["calls"], "priced"),
        )
        if part
    ]


def known_calls(usages: Iterable[Mapping[str, Any]], figure: str) -> int:
    """The calls of those usages that have a figure."""
    return sum(usage["calls"] for usage in usages if usage.get(figure) is not None)


def _at_least(sum_of_known: str, known: int, calls: int, done: str) -> str:
    if not 0 < known < calls:
        return sum_of_known
    return f"at least {sum_of_known} ({known:,} of {counted(calls, 'call')} {done})"


def _judges(judges: Mapping[str, Any] | None) -> list[str]:
    """Who judged, and how much of the usage is theirs: `of it 54 calls by judges (judge: gpt-4.1-2025-04-14)`."""
    if not judges:
        return []
    named = "; ".join(f"{alias}: {', '.join(models)}" for alias, models in judges["models"].items())
    price = judges["usage"]["cost_usd"]
    own = [counted(judges["usage"]["calls"], "call"), *([money(price)] if price is not None else [])]
    return [f"of it {', '.join(own)} by judges" + (f" ({named})" if named else "")]


def _figure(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def headline(result: Mapping[str, Any]) -> str:
    """The run's verdict as a sentence: `1 of 3 tests fails, 1 is inconclusive`."""
    tests = result["tests"]
    if not tests:
        return "no test was judged"
    counts = Counter(test["verdict"] for test in tests)
    cut = "; the run was interrupted" if result["run"].get("interrupted") else ""
    cut += f"; attempt {result['run']['attempt']:,}" if asked_before(result) else ""
    if counts["pass"] == len(tests):
        return ("the only test passes" if len(tests) == 1 else f"all {len(tests)} tests pass") + cut
    parts: list[str] = []
    for word in ("fail", "error", "inconclusive"):
        number = counts[word]
        if number:
            one, many = _VERBS.get(word, ("is inconclusive", "are inconclusive"))
            of = f"{number} of {counted(len(tests), 'test')}" if not parts else f"{number}"
            parts.append(f"{of} {one if number == 1 else many}{_as_expected(tests) if word == 'fail' else ''}")
    return ", ".join(parts) + cut


def _as_expected(tests: Sequence[Mapping[str, Any]]) -> str:
    """How many of the failures somebody expected."""
    failures = [test for test in tests if test["verdict"] == "fail"]
    number = sum(bool(test.get("expected")) for test in failures)
    whose = "" if number == len(failures) == 1 else f"{number} of them "
    return f", {whose}expected (xfail)" if number else ""


def expected(test: Mapping[str, Any]) -> str:
    """That a test's failure does not fail pytest, or nothing."""
    return "this failure is expected: pytest reports it as xfailed" if test.get("expected") else ""


def asked_before(result: Mapping[str, Any]) -> str:
    """That a live run is not the first of its plan at its commit, or nothing where it is."""
    earlier = (result["run"].get("attempt") or 1) - 1
    if earlier < 1 or not result["run"].get("live"):
        return ""
    runs = "1 earlier live run" if earlier == 1 else f"{earlier:,} earlier live runs"
    here = " at this commit" if result["run"].get("commit") else ""
    return f"{runs} judged this plan{here}: a pass after asking again is weaker (llmgate history)"


def shared_risk(result: Mapping[str, Any]) -> str:
    """What alpha holds for a suite whose gates share it; nothing where no suite has several (Bonferroni's bound)."""
    risks: dict[str, list[float]] = {}
    for test in result["tests"]:
        own = [
            gate["alpha_used"] for gate in test["gates"] if gate.get("blocking", True) and _can_fail_a_good_build(gate)
        ]
        risks.setdefault(test.get("file") or test["suite"], []).extend(own)
    several = [sum(own) for own in risks.values() if len(own) > 1]
    if not several:
        return ""
    return f"a build that is good at every gate fails a suite with at most {percent(max(several))} risk"


def _can_fail_a_good_build(gate: Mapping[str, Any]) -> bool:
    """Whether chance can: not at zero tolerance, where a good build violates nothing, and not where it is computed."""
    if gate["type"] == EQUIVALENT or not gate.get("blocking", True):
        return False
    if circuit_words.is_figure(gate) or compared_words.is_compared(gate):
        return True
    return gate["threshold"] not in (0.0, 1.0)


def proposed_baselines(result: Mapping[str, Any]) -> str:
    """How many baselines a run that was asked to propose proposes, and how they are looked at and taken."""
    number = result["execution"].get("proposed_baselines")
    if number is None:
        return ""
    if not number:
        return "no baseline was proposed: no gate of this run asks for one (baseline: true)"
    return f"{counted(number, 'baseline')} proposed: see llmgate baseline diff, take with llmgate baseline accept"


def provenance(result: Mapping[str, Any]) -> str:
    """Where the replies come from: asked now, or recorded before."""
    run, execution = result["run"], result["execution"]
    if not run.get("recorded_at"):
        return "judged on live replies" if _asked(result) else ""
    on = f"replies recorded on {run['recorded_at']}"
    if not (execution.get("billed") or {}).get("calls"):
        return f"judged on {on}"
    return f"judged on live replies and, for {counted(execution.get('replayed_trials'), 'trial')}, on {on} or later"


def _asked(result: Mapping[str, Any]) -> bool:
    """Whether a model was called."""
    shots = circuit_words.shots_in_all(result["tests"])
    return bool(result["totals"]["calls"] and (shots is None or result["totals"]["calls"] > shots.jobs))


def rates(gate: Mapping[str, Any]) -> str:
    """What counts as good and as bad for a gate."""
    if circuit_words.is_figure(gate):
        return circuit_words.limits(gate)
    if compared_words.is_compared(gate):
        return compared_words.limits(gate)
    unwanted = gate["bad"] > gate["threshold"]
    good, bad = ("at or below", "at or above") if unwanted else ("at or above", "at or below")
    assumed = " (assumed)" if gate.get("bad_assumed") else ""
    return f"good {good} {percent(gate['threshold'])}, bad {bad} {percent(gate['bad'])}{assumed}"


def measured(gate: Mapping[str, Any]) -> str:
    """The estimate with its interval, or that there is none."""
    if circuit_words.is_figure(gate):
        return circuit_words.measured(gate)
    if compared_words.is_compared(gate):
        return compared_words.measured(gate)
    if gate["estimate"] is None:
        return "nothing measured"
    if gate["interval"] is None:
        return percent(gate["estimate"])
    low, high = gate["interval"]
    return f"{percent(gate['estimate'])}, interval {percent(low)} to {percent(high)}"


def figures(gate: Mapping[str, Any]) -> str:
    """What was measured, and what counts as good and as bad."""
    return "; ".join(part for part in (measured(gate), rates(gate)) if part)


def sentence(test: Mapping[str, Any]) -> str:
    """What the gate says that gave a test its verdict, or the first problem where no gate did."""
    for gate in test["gates"]:
        if gate["verdict"] == test["verdict"] and gate.get("blocking", True):
            return f"{gate['name']}: {gate['reason']}"
    problems = test.get("problems") or ("no gate blocks",)
    return str(problems[0])


def failing_fields(gate: Mapping[str, Any], most: int) -> list[str]:
    """Which fields of structured replies disagree how often, the worst first: `$.city in 3 of 58`."""
    rows = (gate.get("figures") or {}).get("fields") or {}
    wrong = [(path, row["n"] - row["good"], row["n"]) for path, row in rows.items() if row["good"] < row["n"]]
    return [f"{path} in {bad:,} of {n:,}" for path, bad, n in wrong[:most]]


def replaced(redactions: Mapping[str, int] | None) -> str:
    """What was replaced in replies, by kind: `3 email, 1 card`; empty where nothing was."""
    return ", ".join(f"{count:,} {kind}" for kind, count in (redactions or {}).items())


def standing(gate: Mapping[str, Any]) -> str:
    """Why a gate does not block, or nothing where it does."""
    if gate.get("quarantine"):
        return f"in quarantine until {gate['quarantine']['until']}: {gate['quarantine']['reason']}"
    if gate["severity"] != "block":
        return f"severity {gate['severity']}: does not block"
    return "" if gate.get("blocking", True) else "does not block"
