"""The verdict of a run in sentences for people who did not write its suites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports import words

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
