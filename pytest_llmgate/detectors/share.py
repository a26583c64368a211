"""`max_increase`: by how much more of something than the baseline had is too much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.compared import Figures
from pytest_llmgate.core.errors import Where
from pytest_llmgate.detectors.checks import bad_parameter, shown

_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")
_MOST = 10.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an assertion type compares with its baseline. usual: the share where nobody says one."""

    kind: Figures
    usual: float

    def margin(self, params: Mapping[str, Any], where: Where | None) -> float:
        """The share that `max_increase` says, above 0; 0.1 is 10 %. Raises LlmgateError."""
        return share("max_increase", params["max_increase"], where) if "max_increase" in params else self.usual


def share(name: str, value: Any, where: Where | None) -> float:
    """A share as it is written: `10%`, `2.5 %`, or a number below 1. Raises LlmgateError."""
    found: float | None = None
    if isinstance(value, str) and (written := _PERCENT.fullmatch(value.strip())):
        found = round(float(written[1]) / 100.0, 12)
    elif isinstance(value, float) and value < 1.0:
        found = value
    if found is None or not 0.0 < found <= _MOST:
        raise bad_parameter(name, f"{shown(value)} is no share above 0 %", where, 'write it in percent, as in "10%"')
    return found
