"""Names of a test's gates, and the gates that one assertion stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import COST_REGRESSION, RUNAWAYS, GatePlan
from pytest_llmgate.suites.problems import Problems


def name_gates(gates: Sequence[GatePlan], stems: Sequence[str], problems: Problems) -> tuple[GatePlan, ...]:
    """Give every gate a name that is unique in its test: as written, else its stem, then `stem-2`, …

    Notes names that were written twice.
    """
    written = {gate.name for gate in gates if gate.name}
    used: set[str] = set()
    named = []
    for gate, stem in zip(gates, stems, strict=True):
        name = gate.name or _free(stem, used | written)
        if name in used:
            hint = "name every gate of a test differently"
            problems.add("gate-name-twice", f"two gates of this test are called {name!r}", gate.where, hint)
        used.add(name)
        named.append(replace(gate, name=name))
    return tuple(named)


def _free(stem: str, used: set[str]) -> str:
    name, number = stem, 1
    while name in used:
        number += 1
        name = f"{stem}-{number}"
    return name


def all_gates(gates: Sequence[GatePlan], cases: Sequence[Case]) -> tuple[GatePlan, ...]:
    """Every gate that the assertions of a test stand for.

    An assertion with `slice: KEY` is one gate for each value of that key among the cases. One on what replies take is
    two: on the mean, and on runaways, which no test of a mean can see. Raises LlmgateError.
    """
    found = [each for gate in gates for one in _cohorts(gate, cases) for each in _with_runaways(one)]
    written = {gate.name for gate in gates}
    made = [gate.name for gate in found if gate.name not in written or gate not in gates]
    twice = {name for name in made if name in written or made.count(name) > 1}
    if twice:
        where = next(gate.where for gate in reversed(found) if gate.name in twice)
        raise problem("gate-name-twice", f"two gates would be called {sorted(twice)[0]!r}", where, "name one of them")
    return tuple(found)


def _cohorts(gate: GatePlan, cases: Sequence[Case]) -> list[GatePlan]:
    if gate.cohort is None:
        return [gate]
    values = sorted({str(case.slice[gate.cohort]) for case in cases if gate.cohort in case.slice})
    if not values:
        hint = "give the cases a slice, such as slice: {region: eu}"
        raise problem("slice-unknown", f"no case has a slice {gate.cohort!r}", gate.where, hint)
    named = [(value, f"{gate.cohort}={value}") for value in values]
    return [replace(gate, name=f"{gate.name}[{text}]", cohort=text) for _, text in named]


def _with_runaways(gate: GatePlan) -> list[GatePlan]:
    if gate.type != COST_REGRESSION:
        return [gate]
    return [gate, replace(gate, name=f"{gate.name}-{RUNAWAYS}", params={**gate.params, "part": RUNAWAYS})]
