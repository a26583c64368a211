"""The only place where the parts are joined: plans, subjects, measures, rules, store, engine."""

from pytest_llmgate.session.gate_session import GateSession, Planner

__all__ = ["GateSession", "Planner"]
