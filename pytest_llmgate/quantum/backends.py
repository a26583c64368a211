"""Where devices come from: one function a provider, which gives a Qiskit BackendV2 or BaseSamplerV2.

A provider's function takes (plan, files, environ). It may say `live`: False where what it gives simulates in this
process, so that nothing is billed; unsaid, it is judged by the object. `options`: the keys that it takes beside ours,
unsaid any. Packages are imported where they are used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from pytest_llmgate.core.circuit import BackendPlan, CircuitFailed
from pytest_llmgate.core.errors import LlmgateError, Where, nearest, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.quantum.jobs import words_of

Opener = Callable[[BackendPlan, SuiteFiles, Mapping[str, str]], Any]
_GENERIC_QUBITS = 5


def open_python(plan: BackendPlan, files: SuiteFiles, environ: Mapping[str, str]) -> Any:
    """What `target: file.py:function` returns. A function that takes `seed` is called anew for every chunk."""
    target = plan.options.get("target") or plan.name
    if not isinstance(target, str):
        raise problem(
            "backend-target", "provider python needs a target", plan.where, 'write `target: "file.py:function"`'
        )
    function = files.load_object(target, plan.where)
    if not callable(function):
        raise problem("target-not-callable", f"{target!r} is {type(function).__name__}, not a function", plan.where)
    takes = inspect.signature(function).parameters
    if set(takes) - {"seed"}:
        raise problem(
            "target-signature",
            f"{target!r} takes {', '.join(takes)}",
            plan.where,
            "write it without arguments, or with `seed`",
        )
    if "seed" in takes:
        return lambda seed: _called(partial(function, seed=seed), target)
    return _called(function, target)


def open_generic(plan: BackendPlan, files: SuiteFiles, environ: Mapping[str, str]) -> Any:
    """Qiskit's GenericBackendV2: a device that nobody built, with the noise that `seed` draws."""
    from qiskit.providers.fake_provider import GenericBackendV2

    qubits, seed = (plan.options.get(name, default) for name, default in (("num_qubits", _GENERIC_QUBITS), ("seed", 0)))
    for name, value, least in (("num_qubits", qubits, 2), ("seed", seed, 0)):
        if type(value) is not int or value < least:
            raise problem("bad-value", f"{name}: {value!r} is not a whole number of at least {least}", plan.where)
    return GenericBackendV2(qubits, seed=seed)


def open_fake(plan: BackendPlan, files: SuiteFiles, environ: Mapping[str, str]) -> Any:
    """A fake backend of qiskit-ibm-runtime, by its name or its device's: `FakeBrisbane`, `brisbane`, `ibm_brisbane`."""
    provided = _package("qiskit_ibm_runtime.fake_provider", "pytest-llmgate[ibm]", plan.where)
    known = {_short(name): name for name in sorted(dir(provided)) if name.startswith("Fake") and "Provider" not in name}
    name = _named(plan)
    found = known.get(_short(name))
    if found is None:
        raise _unknown(name, known, plan.where)
    return getattr(provided, found)()


def open_ibm(plan: BackendPlan, files: SuiteFiles, environ: Mapping[str, str]) -> Any:
    """A device of IBM Quantum. The account is the saved one, or that of QISKIT_IBM_TOKEN and its like."""
    runtime = _package("qiskit_ibm_runtime", "pytest-llmgate[ibm]", plan.where)
    name = _named(plan)
    account = {key: plan.options[key] for key in ("channel", "instance", "url") if key in plan.options}
    service = _reached(partial(runtime.QiskitRuntimeService, **account), "IBM Quantum")
    return _from_provider(service.backend, service.backends, name, plan.where)


def open_braket(plan: BackendPlan, files: SuiteFiles, environ: Mapping[str, str]) -> Any:
    """A device of Amazon Braket, through qiskit-braket-provider; credentials are those of the AWS SDK."""
    package = _package("qiskit_braket_provider", "qiskit-braket-provider", plan.where)
    provider = _reached(package.BraketProvider, "Amazon Braket")
    return _from_provider(provider.get_backend, provider.backends, _named(plan), plan.where)


def open_ionq(plan: BackendPlan, files: SuiteFiles, environ: Mapping[str, str]) -> Any:
    """A device of IonQ, through qiskit-ionq; the key is that of IONQ_API_KEY."""
    package = _package("qiskit_ionq", "qiskit-ionq", plan.where)
    provider = _reached(package.IonQProvider, "IonQ")
    if not (getattr(provider, "credentials", None) or {}).get("token"):
        raise problem("api-key-missing", "there is no key of IonQ", plan.where, "set IONQ_API_KEY")
    return _from_provider(provider.get_backend, provider.backends, _named(plan), plan.where)


open_generic.live = False  # type: ignore[attr-defined]
open_generic.options = frozenset({"num_qubits", "seed"})  # type: ignore[attr-defined]
open_fake.live = False  # type: ignore[attr-defined]
open_fake.options = frozenset()  # type: ignore[attr-defined]
open_python.options = frozenset()  # type: ignore[attr-defined]
open_ibm.live = True  # type: ignore[attr-defined]
open_ibm.options = frozenset({"channel", "instance", "url"})  # type: ignore[attr-defined]
open_braket.live = True  # type: ignore[attr-defined]
open_braket.options = frozenset()  # type: ignore[attr-defined]
open_ionq.live = True  # type: ignore[attr-defined]
open_ionq.options = frozenset()  # type: ignore[attr-defined]


def _called(function: Callable[[], Any], target: str) -> Any:
    return _reached(function, target)


def _reached(call: Callable[..., Any], what: str) -> Any:
    """The result of what may go over the network; raises CircuitFailed (`backend-unavailable`)."""
    try:
        return call()
    except (LlmgateError, CircuitFailed):
        raise
    except Exception as fault:
        message = f"{what} cannot be reached: {words_of(fault)}"
        raise CircuitFailed("backend-unavailable", message, fatal=True) from fault


def _from_provider(get: Callable[..., Any], every: Callable[[], Any], name: str, where: Where | None) -> Any:
    """A provider's backend. Where it has none of that name: the nearest, if it lists what it has."""
    try:
        return get(name)
    except Exception as fault:
        known = _reached(lambda: [str(backend.name) for backend in every()], name)
        if name in known:
            raise CircuitFailed(
                "backend-unavailable", f"{name} cannot be opened: {words_of(fault)}", fatal=True
            ) from fault
        raise _unknown(name, known, where) from fault


def _named(plan: BackendPlan) -> str:
    if not plan.name:
        raise problem("backend-name", f"provider {plan.provider} needs the name of a device", plan.where, "add `name:`")
    return plan.name


def _unknown(name: str, known: Any, where: Where | None) -> LlmgateError:
    return problem("unknown-device", f"there is no device {name!r}", where, nearest(name, known))


def _short(name: str) -> str:
    """The bare name of a device: `FakeManilaV2`, `fake_manila` and `ibmq_manila` are `manila`."""
    bare = name.lower()
    for prefix in ("fake", "_", "ibmq_", "ibm_"):
        bare = bare.removeprefix(prefix)
    return bare.removesuffix("v2").replace("_", "")


def _package(module: str, pip: str, where: Where | None) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as fault:
        message = f"{module.partition('.')[0]} is not installed: {fault}"
        raise problem("missing-extra", message, where, f'pip install "{pip}"') from fault
