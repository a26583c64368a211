"""Approval: nothing is submitted to a device before a person said yes in the environment."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_llmgate.core.circuit import BackendPlan, CircuitFailed

VARIABLE = "LLMGATE_APPROVE_HARDWARE"
WAIVED = "none"
_YES = frozenset({"1", "true", "yes", "y", "on"})


def variable_of(plan: BackendPlan, *, live: bool) -> str | None:
    """The variable that must say yes. A live device asks for ours where the suite names none; `none` waives it."""
    if plan.approval_env is None:
        return VARIABLE if live else None
    return None if plan.approval_env.strip().lower() == WAIVED else plan.approval_env


def require_approval(plan: BackendPlan, environ: Mapping[str, str], *, live: bool) -> None:
    """Raises CircuitFailed (`not-approved`, fatal) where the variable does not say 1, true or yes."""
    variable = variable_of(plan, live=live)
    if variable is None or environ.get(variable, "").strip().lower() in _YES:
        return
    device = plan.name or plan.options.get("target") or plan.provider
    raise CircuitFailed(
        "not-approved",
        f"{device} is not approved, nothing was submitted; approve it with: {variable}=1 pytest --llm-suite",
        fatal=True,
    )
