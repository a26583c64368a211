"""The body of a marked test as trials inside its one item.

Fixtures are set up once an item; `trial`, `llm` and `case` change with each trial. A synchronous body runs in the
main thread, one trial after another, unless `workers=` asks for threads; an async body runs in the session's loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import iscoroutinefunction, unwrap
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.verdict import TestVerdict
from pytest_llmgate.pytest_plugin import circuit_bodies, fixtures, reporting
from pytest_llmgate.pytest_plugin.fixtures import PER_TRIAL
from pytest_llmgate.pytest_plugin.items import PLAN, has_gate_marker
from pytest_llmgate.pytest_plugin.trial_body import AsyncBody, Body, SyncBody
from pytest_llmgate.session import GateSession, MarkedTest, Planner

if TYPE_CHECKING:
    from pytest_llmgate.pytest_plugin.gate import GatePlugin

_REPEAT_STEP = "__pytest_repeat_step_number"  # pytest-repeat's parameter: its copies share one verdict


def compile_modules(items: Sequence[pytest.Item], planner: Planner) -> list[pytest.CollectReport]:
    """Give every marked function its plan; returns what is wrong, a report a module.

    A module's gates are counted before anything is deselected. Functions of a module with problems get no plan.
    """
    modules: dict[pytest.Module, list[pytest.Function]] = {}
    for item in items:
        module = item.getparent(pytest.Module)
        if module is not None and _is_marked(item):
            modules.setdefault(module, []).append(item)  # type: ignore[arg-type]  # what is marked is a function
    broken = []
    for module, marked in modules.items():
        written = {test_id(found): found for found in _functions(module) if _is_marked(found)}
        # The items over what was written: a conftest may have marked them since.
        known = {**written, **{test_id(item): item for item in marked}}
        try:
            suite = planner.module([_marked_test(found, module) for found in known.values()])
        except LlmgateError as fault:
            broken.append(pytest.CollectReport(module.nodeid, "failed", str(fault), []))
            continue
        plans = {plan.id: plan for plan in suite.tests}
        for item in marked:
            item.stash[PLAN] = plans[test_id(item)]
    return broken


def _is_marked(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and has_gate_marker(item)


def _functions(collector: pytest.Collector) -> Iterator[pytest.Function]:
    """All functions of a module, also those that a node id on the command line left out."""
    for node in collector.collect():
        if isinstance(node, pytest.Function):
            yield node
        elif isinstance(node, pytest.Collector):
            yield from _functions(node)


def test_id(item: pytest.Item) -> str:
    """The node id; copies made by `--count` share the id of the test that they repeat."""
    callspec = getattr(item, "callspec", None)
    if callspec is None or _REPEAT_STEP not in callspec.params:
        return item.nodeid
    return re.sub(r"-?\d+-\d+\]$", "]", item.nodeid).removesuffix("[]")


test_id.__test__ = False  # type: ignore[attr-defined]


def _marked_test(item: pytest.Function, module: pytest.Module) -> MarkedTest:
    # iter_markers goes from the closest to the farthest: the closest one of a name is the one that counts.
    marks = tuple((mark.name, mark.args, dict(mark.kwargs)) for mark in item.iter_markers())
    line = item.reportinfo()[1]
    file = module.path.relative_to(item.config.rootpath).as_posix()
    return MarkedTest(
        node_id=test_id(item), file=file, line=None if line is None else line + 1, name=item.name, marks=marks
    )


def run_body(item: pytest.Function, gate: GatePlugin) -> None:
    """Sample a marked test to its verdict and conclude the item."""
    session, plan = gate.ready(), item.stash[PLAN]
    verdict = session.verdict(plan.id)
    if verdict is None:
        with gate.turn(plan.id):
            verdict = _judge(item, plan, session, gate)
    reporting.conclude(item, verdict, gate)


def _judge(item: pytest.Function, plan: TestPlan, session: GateSession, gate: GatePlugin) -> TestVerdict:
    try:
        _check(item)
        return _sample(item, plan, session, gate)
    except LlmgateError as fault:
        return session.refuse(plan.id, fault)
    except (pytest.skip.Exception, pytest.xfail.Exception):
        session.skip(plan.id)
        raise


def check_fixtures(item: pytest.Item) -> None:
    """Refuse fixtures that ask for what changes with each trial; before any is set up."""
    if not isinstance(item, pytest.Function) or PLAN not in item.stash:
        return
    known = item._fixtureinfo.name2fixturedefs
    ours = {name for name in PER_TRIAL if name in known and known[name][-1].func.__module__ == fixtures.__name__}
    for name in sorted(known.keys() - ours):
        wanted = sorted(ours & set(known[name][-1].argnames))
        if wanted:
            what = f"{item.nodeid}: the fixture {name!r} asks for {wanted[0]!r}, which changes with each trial"
            raise problem("fixture-per-trial", what, None, "use it in the body; fixtures are set up once an item")


def _sample(item: pytest.Function, plan: TestPlan, session: GateSession, gate: GatePlugin) -> TestVerdict:
    function = _body_function(item)
    if plan.kind == "circuit":
        return circuit_bodies.sample(function, _arguments(item), plan, session, gate)
    body = Body(function, _arguments(item), plan, session.models(plan))
    subject = AsyncBody(body) if iscoroutinefunction(function) else SyncBody(body)
    if isinstance(subject, SyncBody) and plan.workers == 1:
        _sample_here(subject, plan, session, gate)
    else:
        _check_threads(item)
        session.submit(plan.id, subject)
        session.await_end(plan.id, gate.watch)
    if subject.escaped is not None:
        raise subject.escaped
    return session.decide(plan.id)


def _sample_here(body: SyncBody, plan: TestPlan, session: GateSession, gate: GatePlugin) -> None:
    """Run the trials in the main thread, where fixtures and signals belong."""
    test = session.prepare(plan.id)
    while (trial := test.take()) is not None:
        session.engine.tick()
        seen = body.sample_now(trial)
        if body.escaped is not None:
            return
        test.complete(trial, seen)
        gate.watch()
    session.engine.tick()


def _body_function(item: pytest.Function) -> Callable[..., Any]:
    """The test function itself; pytest-asyncio's synchronous wrapper would open a loop of its own."""
    function: Callable[..., Any] = item.obj
    inner = unwrap(function)
    if not iscoroutinefunction(inner):
        return function
    bound: Callable[..., Any] = inner.__get__(item.instance) if _is_method(item) else inner
    return bound


def _is_method(item: pytest.Function) -> bool:
    return item.instance is not None and not hasattr(unwrap(item.obj), "__self__")


def _arguments(item: pytest.Function) -> Mapping[str, Any]:
    return {name: item.funcargs[name] for name in item._fixtureinfo.argnames}


def _check(item: pytest.Function) -> None:
    """Refuse what would be sampled wrongly without anybody noticing."""
    if hasattr(item.obj, "hypothesis") or getattr(unwrap(item.obj), "is_hypothesis_test", False):
        raise problem("given-and-gate", f"{item.nodeid}: @given and a gate marker multiply trials", None, "keep one")


def _check_threads(item: pytest.Function) -> None:
    """Fixtures of one function are shared by its threads; monkeypatch undoes itself under their feet."""
    shared = {"monkeypatch", "capsys", "capfd", "caplog"} & set(item._fixtureinfo.names_closure)
    if shared:
        what = f"{item.nodeid}: workers={item.stash[PLAN].workers} with the fixture {sorted(shared)[0]!r}"
        raise problem("fixture-not-threadsafe", what, None, "use workers=1")
