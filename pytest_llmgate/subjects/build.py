"""Makes the subject of a plan; imports only what that kind of subject needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.functions import is_async
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import Caller, Payments

if TYPE_CHECKING:
    from pytest_llmgate.subjects.function import BlockingFunctionSubject, FunctionSubject, Redact, RedactText
    from pytest_llmgate.subjects.guard import Guard
    from pytest_llmgate.subjects.prompt import PromptSubject

    BuiltSubject = PromptSubject | FunctionSubject | BlockingFunctionSubject


def build_subject(
    plan: TestPlan,
    files: SuiteFiles,
    caller: Caller,
    redact: Redact,
    redact_text: RedactText,
    payments: Payments,
    guard: Guard | None = None,
) -> BuiltSubject:
    """The subject of a plan of kind `prompt` or `function`; call its `check()` before spending anything.

    files: where a function is loaded from. caller: asks models for a prompt; it redacts itself. redact,
    redact_text: for a function's replies and errors. payments: where what its replies cost is booked. guard: the
    session's child for costly templates.
    Raises `template-syntax`, `function-target`, and what loading a file raises.
    """
    if plan.kind == "prompt":
        from pytest_llmgate.subjects.prompt import PromptSubject

        return PromptSubject(plan, caller, guard)
    from pytest_llmgate.subjects.function import BlockingFunctionSubject, FunctionSubject, load_function

    function = load_function(plan, files)
    kind = FunctionSubject if is_async(function) else BlockingFunctionSubject
    return kind(plan, function, files.root, redact, redact_text, payments)
