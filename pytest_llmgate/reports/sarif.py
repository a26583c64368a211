"""The report `sarif`: findings in SARIF 2.1.0 (OASIS), as code scanning reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.reports.escape import clipped, visible
from pytest_llmgate.reports.findings import NOT_JUDGED, Finding, findings, placed

RESULTS = 5000  # GitHub shows no more of a run; the worst come first
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_TEXT = 1000
_FINGERPRINT = "llmgateGate/v1"


class SarifReport:
    """`results.sarif`: one run, a rule for each type of assertion."""

    def active(self, environ: Mapping[str, str]) -> bool:
        return False

    def render(self, result: Mapping[str, Any], view: RunView) -> Rendered:
        log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(result, view)]}
        return Rendered(files={"results.sarif": json.dumps(log, indent=1, ensure_ascii=False) + "\n"})


def _run(result: Mapping[str, Any], view: RunView) -> dict[str, Any]:
    found = findings(result)
    kept = found[:RESULTS]
    version = (result["run"].get("versions") or {}).get("pytest-llmgate")
    driver = {
        "name": "pytest-llmgate",
        **({"version": str(version)} if version else {}),
        "rules": [_rule(name) for name in sorted({one.rule for one in kept})],
    }
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": "llmgate/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, view) for one in kept],
        "properties": {"verdict": result["verdict"], "resultsLeftOut": len(found) - len(kept)},
    }


def _rule(name: str) -> dict[str, Any]:
    said = "A test was not judged" if name == NOT_JUDGED else f"A gate on {name} does not pass"
    return {"id": f"llmgate/{name}", "shortDescription": {"text": said}}


def _result(one: Finding, view: RunView) -> dict[str, Any]:
    text = f"{one.verdict}: {one.test}: {one.gate}: {one.text}"
    found: dict[str, Any] = {
        "ruleId": f"llmgate/{one.rule}",
        "level": "error" if one.blocking else "warning",
        "message": {"text": clipped(visible(text), _TEXT)},
        "partialFingerprints": {_FINGERPRINT: one.fingerprint},
    }
    if one.file:
        place = {"artifactLocation": {"uri": _uri(one.file, view)}, "region": {"startLine": one.line}}
        found["locations"] = [{"physicalLocation": place}]
    return found


def _uri(file: str, view: RunView) -> str:
    path = placed(file, view, "GITHUB_WORKSPACE")
    return ("file://" if PurePosixPath(path).is_absolute() else "") + quote(path, errors="replace")
