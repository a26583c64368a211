"""What people said of the replies of a case, to compare a judge with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where
from pytest_llmgate.detectors.checks import bad_parameter, shown
from pytest_llmgate.detectors.values import Unusable, resolver

Label = Callable[[Case], bool | None]
"""Whether people found the replies of a case good; None where nobody said. Raises Unusable for what says neither."""

_WORDS: Mapping[str, bool] = {
    "true": True, "pass": True, "good": True, "yes": True, "1": True,
    "false": False, "fail": False, "bad": False, "no": False, "0": False,
}  # fmt: skip


def label_from(raw: Any, where: Where | None) -> Label:
    """The label of the parameter `label`, a reference; without it `expected.label`, where that is a verdict."""
    if raw is None:
        return _usual
    resolve = resolver(raw, where) if isinstance(raw, str) else None
    if resolve is None:
        raise bad_parameter("label", f"{shown(raw)} is no reference", where, 'write such as "{{expected.label}}"')

    def label(case: Case) -> bool | None:
        try:
            given = resolve(case)
        except Unusable:
            return None  # nobody labelled this case
        said = _read(given)
        if said is None and given is not None and given != "":
            raise Unusable(f"the label {shown(given)} is neither pass nor fail")
        return said

    return label


def _usual(case: Case) -> bool | None:
    return _read(case.expected.get("label")) if isinstance(case.expected, Mapping) else None


def _read(given: Any) -> bool | None:
    return given if isinstance(given, bool) else _WORDS.get(str(given).strip().lower())
