"""The report `gitlab`: figures for the metrics widget, and findings for the code quality widget."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.reports.escape import clipped, visible
from pytest_llmgate.reports.findings import Finding, findings, placed

_SEVERITIES = {"fail": "blocker", "error": "critical", "inconclusive": "major"}
_TEXT = 1000
_TOTALS = ("trials", "calls", "input_tokens", "output_tokens", "cost_usd")
_Samples = Iterator[tuple[str, str]]


class GitlabReport:
    """`metrics.txt` (OpenMetrics) and `code-quality.json`."""

    def active(self, environ: Mapping[str, str]) -> bool:
        return bool(environ.get("GITLAB_CI"))

    def render(self, result: Mapping[str, Any], view: RunView) -> Rendered:
        rows = [_row(one, view) for one in findings(result)]
        quality = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
        return Rendered(files={"metrics.txt": open_metrics(result), "code-quality.json": quality})


def _row(one: Finding, view: RunView) -> dict[str, Any]:
    text = f"{one.verdict}: {one.test}: {one.gate}: {one.text}"
    return {
        "description": clipped(visible(text), _TEXT),
        "check_name": f"llmgate/{one.rule}",
        "fingerprint": one.fingerprint,
        "severity": _SEVERITIES[one.verdict] if one.blocking else "minor",
        "location": {"path": placed(one.file, view, "CI_PROJECT_DIR"), "lines": {"begin": one.line}},
    }


def open_metrics(result: Mapping[str, Any]) -> str:
    """What was measured, in OpenMetrics text; what was not has no sample. A verdict counts from 0, pass, to 3, fail."""
    gates = [(test, gate) for test in result["tests"] for gate in test["gates"]]
    families = {
        "llmgate_run_verdict": iter([("", str(Outcome(result["verdict"]).rank))]),
        "llmgate_test_verdict": ((_labels(test), str(Outcome(test["verdict"]).rank)) for test in result["tests"]),
        **{f"llmgate_gate_{name}": _figures(gates, name) for name in ("estimate", "n", "tvd")},
        "llmgate_gate_lower": _bounds(gates, 0),
        "llmgate_gate_upper": _bounds(gates, 1),
        **{f"llmgate_run_{name}": _total(result["totals"], name) for name in _TOTALS},
    }
    lines = [line for name, samples in families.items() for line in _family(name, list(samples))]
    return "\n".join([*lines, "# EOF", ""])


def _family(name: str, samples: list[tuple[str, str]]) -> list[str]:
    return [f"# TYPE {name} gauge", *(f"{name}{labels} {value}" for labels, value in samples)] if samples else []


def _figures(gates: list[tuple[Any, Any]], name: str) -> _Samples:
    return ((_labels(test, gate), repr(gate[name])) for test, gate in gates if gate.get(name) is not None)


def _bounds(gates: list[tuple[Any, Any]], end: int) -> _Samples:
    return ((_labels(test, gate), repr(gate["interval"][end])) for test, gate in gates if gate.get("interval"))


def _total(totals: Mapping[str, Any], name: str) -> _Samples:
    return iter([("", str(totals[name]))] if totals.get(name) is not None else [])


def _labels(test: Mapping[str, Any], gate: Mapping[str, Any] | None = None) -> str:
    named = {"test": test["id"], **({"gate": gate["name"]} if gate is not None else {})}
    said = (f'{name}="{_escaped(text)}"' for name, text in named.items())
    return f"{{{','.join(said)}}}"


def _escaped(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"', '\\"')
