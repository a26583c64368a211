"""Model aliases after all layers and overrides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pytest_llmgate.core.errors import Where, nearest, not_available, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.response_format import with_response_format
from pytest_llmgate.suites.keys import (
    LATER_MODEL,
    LATER_PROVIDERS,
    MAPPING,
    MODEL_KEYS,
    TARGET,
    check,
    fits,
    read_keys,
)
from pytest_llmgate.suites.layers import Entry, Layer, nearby, rebased
from pytest_llmgate.suites.node import Node
from pytest_llmgate.suites.problems import Problems
from pytest_llmgate.suites.variables import expand

_PASSED_ON = ("api_key_env", "record", "deterministic", "deadline_s", "max_retries", "requests_per_minute")


@dataclass(frozen=True, slots=True)
class Models:
    """The aliases that one suite or module knows.

    layer: where they are defined. files: the suite's own. overrides: alias → target of `--llm-model`.
    env: for `${VAR}`. providers: their names. offline: replies are replayed, so nobody needs a server's address.
    """

    layer: Layer
    files: SuiteFiles
    overrides: Mapping[str, str]
    env: Mapping[str, str]
    providers: Collection[str]
    offline: bool = False

    def check_all(self, problems: Problems) -> None:
        """Note what is wrong with any definition, used or not. An unset variable only matters in a used one."""
        for alias in self.layer.models:
            with problems.catch():
                self._defined(alias, lenient=True)

    def find(self, alias: str, where: Where | None) -> ModelPlan:
        """The model that an alias stands for in this run.

        Raises LlmgateError for an unknown alias, an override that leads nowhere, or an unset variable.
        """
        if alias in self.overrides:
            return self._overridden(alias, self.overrides[alias], where)
        if alias not in self.layer.models:
            hint = nearest(alias, self.layer.models) if self.layer.models else "define it under 'models'"
            raise problem("model-unknown", f"there is no model {alias!r}", where, hint)
        return self._defined(alias)

    def all(self) -> dict[str, ModelPlan]:
        """Every alias, for test bodies, which choose while they run; an unset variable stays as it is written."""
        elsewhere = (alias for alias, target in self.overrides.items() if target in self.layer.models or ":" in target)
        aliases = sorted({*self.layer.models, *elsewhere})
        return {
            alias: self.find(alias, None) if alias in self.overrides else self._defined(alias, lenient=True)
            for alias in aliases
        }

    def only(self) -> str | None:
        """The alias that needs no naming, because it is the only one."""
        return next(iter(self.layer.models)) if len(self.layer.models) == 1 else None

    def _overridden(self, alias: str, target: str, where: Where | None) -> ModelPlan:
        """An alias sent elsewhere: to another alias as that is, or to `provider:model` with its own parameters."""
        if target in self.layer.models:
            return replace(self._defined(target), alias=alias)
        provider, separator, name = target.partition(":")
        flag = Where(f"--llm-model {alias}={target}")
        if not separator or not name:
            known = ", ".join(sorted(self.layer.models)) or "none"
            message = f"{target!r} is neither a model of this suite (known: {known}) nor provider:model"
            raise problem("model-override", message, flag, "write such as local:smollm2-135m")
        _check_provider(provider, self.providers, flag)
        if provider == "python":
            if not fits(name, TARGET.schema):
                raise problem("target-syntax", f"{name!r} is not of the form 'file.py:name'", flag)
            name = nearby(name, self.files, flag)
        params: Mapping[str, Any] = {}
        if alias in self.layer.models:
            entry = self.layer.models[alias]
            self._defined(alias, lenient=True)  # its parameters are worth something only if it is sound
            params = self._params(entry, lenient=False)
        return ModelPlan(alias=alias, provider=provider, model=name, params=params, where=where)

    def _defined(self, alias: str, *, lenient: bool = False) -> ModelPlan:
        """A definition as it is written. lenient: without its unset variables. Raises LlmgateError."""
        entry = self.layer.models[alias]
        problems = Problems(entry.node.where.path)
        check(alias, entry.node, MAPPING, problems)
        keys = read_keys(entry.node, MODEL_KEYS, LATER_MODEL, problems)
        problems.raise_any()
        values: dict[str, Any] = {}
        for name, node in keys.items():
            with problems.catch():
                unneeded = lenient or (self.offline and name == "base_url")
                values[name] = expand(node.plain(), self.env, node.where, lenient=unneeded) if name != "params" else {}
        problems.raise_any()
        name = self._name(alias, keys, values, problems)
        _check_server(keys, values, problems)
        with problems.catch():
            values["params"] = self._params(entry, lenient=lenient)
        problems.raise_any()
        return ModelPlan(
            alias=alias,
            provider=values["provider"],
            model=name,
            base_url=values.get("base_url"),
            params=values["params"],
            where=entry.node.place,
            **{key: values[key] for key in _PASSED_ON if key in values},
        )

    def _name(self, alias: str, keys: Mapping[str, Node], values: Mapping[str, Any], problems: Problems) -> str:
        """The provider's model name, or the target of a python provider; empty where that is wrong."""
        entry = self.layer.models[alias]
        if "provider" not in keys:
            message = f"the model {alias!r} has no 'provider'"
            problems.add("provider-missing", message, entry.node.place, f"known: {', '.join(sorted(self.providers))}")
            return ""
        provider = values["provider"]
        with problems.catch():
            _check_provider(provider, self.providers, keys["provider"].where)
        wanted, other = ("target", "model") if provider == "python" else ("model", "target")
        if other in keys and "${" not in provider:
            message = f"a model of provider {provider!r} takes {wanted!r}, not {other!r}"
            problems.add("model-key", message, keys[other].place, f"rename {other!r}")
        if wanted not in keys:
            message = f"the model {alias!r} has no {wanted!r}"
            problems.add("model-key", message, entry.node.place, f"add {wanted!r}")
            return ""
        if wanted == "model":
            return str(values["model"])
        target, where = str(values["target"]), keys["target"].where
        if "${" in target:  # unset, and perhaps never used
            return target
        with problems.catch():
            if not fits(target, TARGET.schema):
                raise problem("target-syntax", f"{target!r} is not of the form 'file.py:name'", where)
            entry.files.resolve(target.rpartition(":")[0], where)
        return rebased(target, entry.files, self.files)

    def _params(self, entry: Entry, *, lenient: bool) -> Mapping[str, Any]:
        """Parameters as the provider gets them; `response_format` as a path becomes the schema in that file."""
        node = entry.node.value.get("params")
        if node is None:
            return {}
        params = {key: expand(item.plain(), self.env, item.where, lenient=lenient) for key, item in node.items()}
        form = params.get("response_format")
        if not isinstance(form, str) or "${" in form:
            return params
        fixed = with_response_format(params, entry.files, node.value["response_format"].where)
        named = {**fixed["response_format"]["json_schema"], "strict": True}
        return {**fixed, "response_format": {**fixed["response_format"], "json_schema": named}}


def _check_provider(provider: str, known: Collection[str], where: Where) -> None:
    if provider in LATER_PROVIDERS and provider not in known:
        raise not_available(f"provider {provider}", where)
    if provider not in known and "${" not in provider:
        raise problem("provider-unknown", f"there is no provider {provider!r}", where, nearest(provider, known))


def _check_server(keys: Mapping[str, Node], values: Mapping[str, Any], problems: Problems) -> None:
    """Only providers on the network have a URL and a key."""
    url = values.get("base_url", "http://")
    if not url.startswith(("http://", "https://", "${")):
        hint = "write such as https://host/v1"
        problems.add("base-url", "'base_url' is not an http:// or https:// URL", keys["base_url"].where, hint)
    for key in ("base_url", "api_key_env"):
        if key in keys and values.get("provider") in ("local", "python"):
            message = f"provider {values['provider']!r} calls no server and takes no {key!r}"
            problems.add("model-key", message, keys[key].place, "delete it")
