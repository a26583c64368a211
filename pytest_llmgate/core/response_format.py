"""`response_format: schemas/answer.json`: a JSON Schema named by file, in the form that chat servers take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import SuiteFiles


def with_response_format(params: Mapping[str, Any], files: SuiteFiles, where: Where | None = None) -> Mapping[str, Any]:
    """The params with a file name under `response_format` replaced by the schema it holds.

    Anything but a file name passes through. Raises where the file is missing or holds no JSON object.
    """
    name = params.get("response_format")
    if not isinstance(name, str):
        return params
    try:
        schema = json.loads(files.read_text(name, where))
    except (ValueError, RecursionError) as fault:
        raise problem(
            "response-format", f"{name!r} is not JSON: {fault}", where, "name a file that holds one JSON Schema"
        ) from None
    if not isinstance(schema, dict):
        raise problem(
            "response-format", f"{name!r} holds no JSON object", where, "name a file that holds one JSON Schema"
        )
    title = "".join(c if c.isalnum() and c.isascii() else "_" for c in PurePosixPath(name).stem)
    wrapped = {"type": "json_schema", "json_schema": {"name": title or "answer", "schema": schema}}
    return {**params, "response_format": wrapped}
