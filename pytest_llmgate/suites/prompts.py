"""Prompts: template files, message lists and inline texts. Templates are parsed where they are rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pytest_llmgate.core.errors import LlmgateError, Where, nearest, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import PromptPlan
from pytest_llmgate.suites.json_text import parse_json
from pytest_llmgate.suites.keys import MAPPING, MESSAGE_KEYS, PROMPT, PROMPT_KEYS, check, read_keys
from pytest_llmgate.suites.layers import Entry, rebased
from pytest_llmgate.suites.node import Node
from pytest_llmgate.suites.problems import Problems
from pytest_llmgate.suites.yaml_lines import load_yaml

_TEMPLATES = (".j2", ".jinja", ".jinja2", ".txt", ".md")
_LISTS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts that one suite or module knows. files: the suite's own, for paths written in a test."""

    table: Mapping[str, Entry]
    files: SuiteFiles

    def check_all(self, problems: Problems) -> None:
        """Note what is wrong with any prompt, used or not."""
        for name, entry in self.table.items():
            with problems.catch():
                read_prompt(name, entry)

    def find(self, node: Node) -> PromptPlan:
        """The prompt of a test: a known name, a path, or an inline one. Raises LlmgateError."""
        name = node.value
        if isinstance(name, dict):
            return read_prompt("inline", Entry(node, self.files))
        if name in self.table:
            return read_prompt(name, self.table[name])
        if PurePath(name).suffix in (*_TEMPLATES, *_LISTS):
            return read_prompt(name, Entry(node, self.files))
        hint = nearest(name, self.table) if self.table else "define it under 'prompts', or give a path"
        raise problem("prompt-unknown", f"there is no prompt {name!r}", node.where, hint)

    def all(self) -> dict[str, PromptPlan]:
        """Every named prompt. Raises LlmgateError."""
        return {name: read_prompt(name, self.table[name]) for name in sorted(self.table)}

    def source(self, node: Node) -> str | None:
        """The path, as seen from the suite, of the file that a test's prompt stands in, if it stands in one."""
        entry = self.table.get(node.value, Entry(node, self.files)) if isinstance(node.value, str) else None
        if entry is None or not isinstance(entry.node.value, str):
            return None
        return rebased(entry.node.value, entry.files, self.files)


def read_prompt(name: str, entry: Entry) -> PromptPlan:
    """A prompt with its messages as templates. Raises LlmgateError with everything that is wrong with it."""
    node, problems = entry.node, Problems(entry.node.where.path)
    check(name, node, PROMPT, problems)
    problems.raise_any()
    if isinstance(node.value, str):
        return _from_file(name, node.value, entry)
    keys = read_keys(node, PROMPT_KEYS, {}, problems)
    problems.raise_any()
    if len(keys) != 1:
        raise problem("prompt-shape", f"the prompt {name!r} takes either 'text' or 'messages'", node.where)
    if "text" in keys:
        return PromptPlan(name=name, messages=_user(keys["text"].value), source=keys["text"].where)
    return PromptPlan(name=name, messages=_messages(keys["messages"]), source=keys["messages"].where)


def _from_file(name: str, path: str, entry: Entry) -> PromptPlan:
    suffix = PurePath(path).suffix
    if suffix not in (*_TEMPLATES, *_LISTS):
        message = f"{path!r} is not of a format that prompts come in"
        raise problem("prompt-format", message, entry.node.where, f"use one of {', '.join((*_TEMPLATES, *_LISTS))}")
    text = entry.files.read_text(path, entry.node.where)
    shown = entry.files.shown(entry.files.resolve(path))
    if suffix in _LISTS:
        return PromptPlan(name=name, messages=_messages(_parsed(text, shown, suffix)), source=Where(shown))
    if not text.strip():
        raise problem(
            "prompt-empty", f"the prompt {path!r} is empty", entry.node.where, "write the user's message in it"
        )
    return PromptPlan(name=name, messages=_user(text), source=Where(shown))


def _parsed(text: str, file: str, suffix: str) -> Node:
    if suffix == ".json":
        return parse_json(text, Where(file, 1))
    problems = Problems(file)
    root = load_yaml(text, file, problems)
    problems.raise_any()
    if root is None:
        raise LlmgateError
    return root


def _user(text: str) -> tuple[Mapping[str, Any], ...]:
    return ({"role": "user", "content": text},)


def _messages(node: Node) -> tuple[Mapping[str, Any], ...]:
    problems = Problems(node.where.path)
    if not isinstance(node.value, tuple) or not node.value:
        hint = "begin every message with '- role: user'"
        raise problem("prompt-shape", "a message list holds at least one message", node.where, hint)
    for message in node.value:
        if check("messages", message, MAPPING, problems):
            keys = read_keys(message, MESSAGE_KEYS, {}, problems)
            if not {"role", "content"} <= message.value.keys() and "role" in keys | {"role": 0}:
                problems.add("prompt-shape", "a message needs 'role' and 'content'", message.where)
    problems.raise_any()
    return tuple(message.plain() for message in node.value)
