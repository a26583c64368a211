"""Which cases opt out of having their replies kept."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.suites.config import build_settings
from pytest_llmgate.suites.opt_out import marked


def private(value: Any, path: str = "vars.leave", **fields: Any) -> bool:
    (case,) = marked([Case(id="c", vars={"leave": value}, **fields)], path)
    return case.private


@pytest.mark.parametrize("value", [True, 1, "yes", "true", "TRUE", "y", "2026-01-01", "perhaps", ["x"]])
def test_whatever_is_not_a_no_opts_out(value: Any) -> None:
    assert private(value)


@pytest.mark.parametrize("value", [False, 0, None, "", " ", "no", "No", "false", "FALSE", "0", "off", "null", []])
def test_a_no_keeps_the_replies(value: Any) -> None:
    assert not private(value)


@pytest.mark.parametrize(
    ("path", "found"),
    [("vars.leave", True), ("vars.gone", False), ("vars.leave.deeper", False), ("slice.tenant", True),
     ("expected.private", True), ("expected.gone.deeper", False)],
)  # fmt: skip
def test_the_field_is_looked_up_in_vars_slice_or_expected(path: str, found: bool) -> None:
    assert private(True, path, slice={"tenant": "yes"}, expected={"private": 1}) is found


def test_without_a_field_nobody_opts_out() -> None:
    case = Case(id="c", vars={"leave": True})
    assert marked([case], None) == (case,)


@pytest.mark.parametrize("value", ["leave", "vars", "vars.", "case.id", 3, "context.x"])
def test_what_names_no_field_of_a_case_is_refused(tmp_path, value: Any) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.llmgate]\nopt_out = {value!r}\n")
    with pytest.raises(LlmgateError, match=r"opt_out takes a field of a case") as caught:
        build_settings(tmp_path, {}, {})
    assert "pyproject.toml:2" in str(caught.value)


@pytest.mark.parametrize("value", ["0", "-1", "true", "'10'", "1.5"])
def test_a_number_of_transcripts_is_whole_and_above_0(tmp_path, value: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.llmgate]\ntranscripts = {value}\n")
    with pytest.raises(LlmgateError, match="transcripts takes a whole number from 1"):
        build_settings(tmp_path, {}, {})
