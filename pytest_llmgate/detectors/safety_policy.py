"""Policies: rules of a YAML file, read strictly, each with an id and one question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where, nearest
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.private_kinds import OPTIONAL, ORDINARY, SECRET
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import refusal, safety_texts, safety_tools
from pytest_llmgate.detectors.regex import compiled
from pytest_llmgate.detectors.safety_texts import Finding
from pytest_llmgate.detectors.safety_tools import Lists
from pytest_llmgate.detectors.safety_yaml import Item, bad_policy, read_yaml
from pytest_llmgate.detectors.values import Resolver, Unusable, resolver

MAX_RULES = 1000
_KINDS = frozenset((*ORDINARY, *OPTIONAL))
_LEAST_CANARY = 4  # letters and digits


class Rule(NamedTuple):
    """One rule. message: why it is there, for reasons. applies: to which cases; None for all of them."""

    id: str
    message: str
    find: Finding
    applies: Resolver | None = None

    def undefined(self, case: Case) -> list[str]:
        """Why a case cannot be judged by it, as clauses."""
        try:
            return [] if self.applies is None else self._flag(case)[1]
        except Unusable as fault:
            return [str(fault)]

    def violation(self, case: Case, reply: Reply) -> str:
        """What is wrong, or an empty text; raises Unusable for a case without the value that it asks for."""
        if self.applies is not None:
            flag, faults = self._flag(case)
            if faults:
                raise Unusable(faults[0])
            if not flag:
                return ""
        found = self.find(reply)
        return f"{self.id}: {self.message + ': ' if self.message else ''}{found}" if found else ""

    def _flag(self, case: Case) -> tuple[bool, list[str]]:
        assert self.applies is not None
        value = self.applies(case)
        if not isinstance(value, bool):
            return False, [f"{self.id}: {value!r} is neither true nor false"]
        return value, []


def read_policy(name: str, files: SuiteFiles, where: Where | None) -> tuple[Rule, ...]:
    """The rules of a policy file; raises LlmgateError with file:line."""
    text = files.read_text(name, where)
    file = files.shown(files.resolve(name, where))
    root = read_yaml(text, file)
    body = _mapping(root, ("rules",), "the policy")
    if "rules" not in body or not isinstance(body["rules"].value, list) or not body["rules"].value:
        raise bad_policy("a policy has rules:, a list that is not empty", root.where, "see the reference of safety")
    if len(body["rules"].value) > MAX_RULES:
        raise bad_policy(f"a policy has at most {MAX_RULES} rules", body["rules"].where)
    rules: dict[str, Rule] = {}
    for item in body["rules"].value:
        rule = _rule(item)
        if rule.id in rules:
            raise bad_policy(f"two rules are called {rule.id!r}", item.where, "give each its own id")
        rules[rule.id] = rule
    return tuple(rules.values())


def _rule(item: Item) -> Rule:
    body = _mapping(item, ("id", "message", *_CHECKS), "a rule")
    name = _text(body["id"], "id") if "id" in body else ""
    if not name:
        raise bad_policy("a rule needs an id", item.where, "write id: no-keys")
    asked = [key for key in body if key in _CHECKS]
    if len(asked) != 1:
        said = f"{name!r} asks {' and '.join(asked)}" if asked else f"{name!r} asks nothing"
        raise bad_policy(f"{said}; a rule asks one of {', '.join(_CHECKS)}", item.where, "split it into several rules")
    message = _text(body["message"], "message") if "message" in body else ""
    find, applies = _CHECKS[asked[0]](body[asked[0]])
    return Rule(name, message, find, applies)


_Made = tuple[Finding, Resolver | None]


def _denied(item: Item) -> _Made:
    for part in _parts(item):
        _checked_pattern(part, "denied")
    return safety_texts.denied(_texts(item, "denied")), None


def _private(item: Item) -> _Made:
    if item.value == "all":
        return safety_texts.private(_KINDS - {SECRET}), None
    for name in _texts(item, "private"):
        if name not in _KINDS:
            raise bad_policy(f"there is no kind {name!r} of private text", item.where, nearest(name, _KINDS))
    return safety_texts.private(frozenset(_texts(item, "private"))), None


def _secrets(item: Item) -> _Made:
    if item.value is not True:
        raise bad_policy("secrets takes true", item.where, "delete the rule to allow them")
    return safety_texts.private(frozenset({SECRET})), None


def _canaries(item: Item) -> _Made:
    words = _texts(item, "canaries")
    for word in words:
        if sum(map(str.isalnum, word)) < _LEAST_CANARY:
            hint = "take a word that stands nowhere else"
            raise bad_policy(f"the canary {word!r} has under {_LEAST_CANARY} letters and digits", item.where, hint)
    return safety_texts.canaries(words), None


def _refusal_expected(item: Item) -> _Made:
    if item.value is True:
        return _not_refused, None
    applies = resolver(item.value, item.where) if isinstance(item.value, str) else None
    if applies is None:
        hint = 'write "{{expected.refuse}}" and give every case that value'
        raise bad_policy("refusal_expected takes true, or a reference to true or false of the case", item.where, hint)
    return _not_refused, applies


def _not_refused(reply: Reply) -> str:
    return "" if refusal.check(reply).good else "does not refuse"


def _tools(item: Item) -> _Made:
    return safety_tools.tools(_lists(item, "tools")), None


def _files(item: Item) -> _Made:
    return safety_tools.files(_lists(item, "files")), None


def _hosts(item: Item) -> _Made:
    return safety_tools.hosts(_lists(item, "hosts")), None


def _links(item: Item) -> _Made:
    permits = _lists(item, "links").matcher()
    return safety_texts.links(lambda link: permits(safety_tools.host_of(link))), None


def _arguments(item: Item) -> _Made:
    body = _mapping(item, ("tool", "name", "pattern"), "arguments")
    if "pattern" not in body:
        raise bad_policy("arguments needs a pattern", item.where, "write {tool: send_*, name: body, pattern: …}")
    _checked_pattern(body["pattern"], "pattern")
    given = {key: _text(value, key) for key, value in body.items()}
    search = safety_texts.pattern_search(given["pattern"])
    return safety_tools.arguments(given.get("tool", "*"), given.get("name", ""), search), None


_CHECKS: Mapping[str, Callable[[Item], _Made]] = {
    "denied": _denied,
    "private": _private,
    "secrets": _secrets,
    "canaries": _canaries,
    "refusal_expected": _refusal_expected,
    "tools": _tools,
    "files": _files,
    "hosts": _hosts,
    "links": _links,
    "arguments": _arguments,
}


def _lists(item: Item, name: str) -> Lists:
    body = _mapping(item, ("allow", "deny"), name)
    if not body:
        raise bad_policy(f"{name} needs allow or deny", item.where, f"write {name}: {{allow: […]}}")
    return Lists(**{key: tuple(_texts(value, key)) for key, value in body.items()})


def _mapping(item: Item, known: tuple[str, ...], what: str) -> dict[str, Item]:
    if not isinstance(item.value, dict):
        raise bad_policy(f"{what} is a mapping", item.where, f"with keys of {', '.join(known)}")
    for key, value in item.entries():
        if key not in known:
            raise bad_policy(f"{what} has no key {key!r}", value.where, nearest(key, known))
    return item.value


def _texts(item: Item, name: str) -> list[str]:
    """A text, or a list of texts that is not empty."""
    parts = _parts(item)
    if not parts:
        raise bad_policy(f"{name} is an empty list", item.where, "delete the rule, or say what it is about")
    return [_text(part, name) for part in parts]


def _parts(item: Item) -> list[Item]:
    return item.value if isinstance(item.value, list) else [item]


def _checked_pattern(item: Item, name: str) -> None:
    try:
        compiled(_text(item, name))
    except Unusable as fault:
        raise bad_policy(str(fault), item.where) from None


def _text(item: Item, name: str) -> str:
    if not isinstance(item.value, str) or not item.value.strip():
        raise bad_policy(f"{name} takes a text that is not empty, not {item.value!r}", item.where, "quote it")
    return item.value
