"""A JSON Schema named by file in `params`."""

from __future__ import annotations

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.response_format import with_response_format


def test_a_file_becomes_its_schema_under_its_own_name(files: SuiteFiles) -> None:
    (files.root / "the answer.v2.json").write_text('{"type": "object"}')
    params = {"temperature": 0.1, "response_format": "the answer.v2.json"}
    assert with_response_format(params, files) == {
        "temperature": 0.1,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "the_answer_v2", "schema": {"type": "object"}},
        },
    }


@pytest.mark.parametrize("params", [{}, {"response_format": {"type": "json_object"}}, {"response_format": None}])
def test_anything_else_passes_through(files: SuiteFiles, params: dict[str, object]) -> None:
    assert with_response_format(params, files) is params


@pytest.mark.parametrize("text", ["not json", "[1]", "[" * 100_000])
def test_a_file_without_a_schema_is_refused(files: SuiteFiles, text: str) -> None:
    (files.root / "answer.json").write_text(text)
    with pytest.raises(LlmgateError, match="response-format"):
        with_response_format({"response_format": "answer.json"}, files)


@pytest.mark.parametrize("name", ["gone.json", "../outside.json", "/etc/hostname"])
def test_a_file_that_is_not_there_or_not_ours_is_refused(files: SuiteFiles, name: str) -> None:
    with pytest.raises(LlmgateError, match=r"file-missing|path-outside-root"):
        with_response_format({"response_format": name}, files)
