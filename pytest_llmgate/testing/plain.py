"""What plain pytest tests use without a gate: prompts rendered, models mocked; no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_llmgate.core.errors import nearest, problem
from pytest_llmgate.session import MockModels, PromptTemplate
from pytest_llmgate.session.prompts import named_prompts

PromptRenderer = Callable[..., str]

__all__ = ["MockModels", "PromptRenderer", "prompt_renderer"]


def prompt_renderer(root: Path, suite: str | None, folder: Path) -> PromptRenderer:
    """Renders prompts by name from a suite file, or from `[tool.llmgate]` where no suite is named.

    suite: path relative to the root or to `folder`. Message lists are joined by blank lines.
    """
    prompts = named_prompts(root, suite, folder)

    def render(name: str, **variables: object) -> str:
        if name not in prompts:
            raise problem("prompt-unknown", f"there is no prompt {name!r}", None, nearest(name, prompts))
        template = PromptTemplate.compile(prompts[name].messages, prompts[name].source)
        return "\n\n".join(str(message["content"]) for message in template.render_vars(variables))

    return render
