"""The verdict of a run in sentences for people who did not write its suites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports import words
from pytest_llmgate.reports.numbers import counted

Row = Mapping[str, Any]

_LEADS = {
    "pass": "Nothing here blocks this change",
    "fail": "This change must not ship",
    "inconclusive": "Not decided: too little was measured",
    "error": "Not judged: something broke on the way",
}


def lead(result: Row) -> str:
    """What the verdict means for the change."""
    return _LEADS[result["verdict"]] if result["tests"] else "Nothing was measured"


def gates_of(result: Row) -> list[Row]:
    """All gates of a run."""
    return [gate for test in result["tests"] for gate in test["gates"]]


def rules_out(result: Row) -> str:
    """What the gates that pass rule out, and at which risk."""
    passing = [gate for gate in gates_of(result) if gate["verdict"] == "pass"]
    if not passing:
        return "No gate passes, so nothing is ruled out."
    risk = percent(max(gate["beta"] for gate in passing))
    them = "The passing gate rules" if len(passing) == 1 else f"Each of the {len(passing):,} passing gates rules"
    return (
        f"{them} out what it calls bad (named beside it); a build that bad would have been let through with "
        f"a probability of at most {risk} by that gate. A pass does not show that the good rate is kept."
    )


def unmeasured(result: Row) -> list[str]:
    """What this run says nothing about, most important first."""
    return [*_undecided(result), *_untried(result["tests"]), *_unblocking(result), *_unpriced(result)]


def _undecided(result: Row) -> Iterator[str]:
    if result["run"].get("interrupted"):
        yield "The run was interrupted: what came after that was not measured."
    gates = gates_of(result)
    new = sum(gate["stop_reason"] == "new" for gate in gates)
    if new:
        yield f"{counted(new, 'gate')} without a baseline to compare with."
    left = sum(gate["verdict"] == "inconclusive" and gate["stop_reason"] != "new" for gate in gates)
    if left:
        yield f"{counted(left, 'gate')} could not tell good from bad."
    broken = sum(gate["verdict"] == "error" for gate in gates)
    if broken:
        yield f"{counted(broken, 'gate')} could not be judged."


def _untried(tests: Sequence[Row]) -> Iterator[str]:
    missing = sum(max(0, test["cases_total"] - test["cases"]) for test in tests)
    if missing:
        yield f"{counted(missing, 'case')} of the suites that had no trial."
    holes = sum(test["holes"] for test in tests)
    if holes:
        yield f"{counted(holes, 'trial')} without a score."
    own = sum(test["target"] == "cases" and not test.get("circuit") for test in tests)
    if own:
        speak = "speaks" if own == 1 else "speak"
        yield f"Inputs other than the listed cases: {counted(own, 'test')} {speak} of these cases alone."


def _unblocking(result: Row) -> Iterator[str]:
    loose = [gate for gate in gates_of(result) if not gate.get("blocking", True)]
    if loose:
        count = Counter(gate["verdict"] for gate in loose)
        found = ", ".join(f"{number:,} {word}" for word, number in sorted(count.items()))
        yield f"{counted(len(loose), 'gate')} cannot block (severity or quarantine): {found}."


def _unpriced(result: Row) -> Iterator[str]:
    models = (result["execution"] or {}).get("unpriced_models") or ()
    if models:
        yield f"The cost of {', '.join(models)}: no price is known."


def origin(result: Row) -> list[tuple[str, str]]:
    """Attempt, commit, and where the replies are from."""
    run = result["run"]
    commit = str(run["commit"])[:12] if run.get("commit") else "not known (outside git)"
    changed = " with uncommitted changes" if run.get("commit") and run.get("dirty") else ""
    attempt = run.get("attempt")
    found = [("Commit", commit + changed), ("Attempt", "not known" if attempt is None else f"{attempt:,}")]
    source = words.provenance(result).removeprefix("judged on ")
    found.append(("Judged on", source or "no reply of a model"))
    exploratory = [("Thresholds", "exploratory: other than the suite's")] if run.get("exploratory") else []
    return [*found, ("Took", words.spent_in_all(result)), *exploratory]
