"""`[tool.llmgate]` of pyproject.toml, its profiles, and the command line, merged into the settings of a run."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pytest_llmgate.core.errors import Where, nearest, problem
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.suites.opt_out import is_path

PYPROJECT = "pyproject.toml"
_TABLES = ("models", "prompts", "defaults")
_BELOW_SUITES = ("seed", "trials", "budget")
"""Options that a suite may set as well, and over pyproject.toml; on the command line and in profiles they win."""

Parse = Callable[[Any, Path], Any]


def _whole(low: int, high: int) -> Parse:
    def parse(value: Any, base: Path) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"takes a whole number from {low} to {high}")
        return value

    return parse


def _word(*words: str) -> Parse:
    def parse(value: Any, base: Path) -> str:
        if value not in words:
            raise ValueError(f"takes {', '.join(words[:-1])} or {words[-1]}")
        return str(value)

    return parse


def _usd(value: Any, base: Path) -> Decimal:
    try:
        amount = Decimal(str(value)) if isinstance(value, (str, int, float, Decimal)) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        raise ValueError("takes an amount in USD, such as 2.00")
    return amount


def _path(value: Any, base: Path) -> Path:
    if not isinstance(value, (str, Path)) or not str(value).strip():
        raise ValueError("takes a path")
    return base / value


def _existing(value: Any, base: Path) -> Path:
    path = _path(value, base)
    if not path.is_file():
        raise ValueError(f"takes the path of a file; there is no {value}")
    return path


def _flag(value: Any, base: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError("takes true or false")
    return value


def _overrides(value: Any, base: Path) -> dict[str, str]:
    """`ALIAS=TARGET` texts, or a table of them."""
    pairs = list(value.items()) if isinstance(value, Mapping) else [_pair(item) for item in _listed(value)]
    for alias, target in pairs:
        if not isinstance(target, str) or not alias.strip() or not target.strip():
            raise ValueError("takes ALIAS=TARGET, such as answerer=local:smollm2-135m")
    return {alias.strip(): target.strip() for alias, target in pairs}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _pair(item: Any) -> tuple[str, Any]:
    alias, _, target = item.partition("=") if isinstance(item, str) else ("", "", "")
    return alias, target


def _texts(kind: str) -> Parse:
    def parse(value: Any, base: Path) -> tuple[str, ...]:
        texts = _listed(value)
        if not all(isinstance(text, str) and text for text in texts):
            raise ValueError(f"takes a list of {kind}")
        return tuple(texts)

    return parse


def _field(value: Any, base: Path) -> str:
    if not is_path(value):
        raise ValueError("takes a field of a case below vars, slice or expected, such as vars.tenant_opt_out")
    return str(value)


_OPTIONS: Mapping[str, Parse] = {
    "results": _path,
    "seed": _whole(-(2**63), 2**63),
    "trials": _whole(1, 10_000_000),
    "concurrency": _whole(1, 10_000),
    "models": _overrides,
    "record": _word("live", "new", "replay", "all"),
    "budget": _usd,
    "baseline": _word("check", "propose"),
    "inconclusive": _word("fail", "warn"),
    "resume": _flag,
    "prices": _existing,
    "report": _texts("names of reports"),
    "suites": _texts("paths"),
    "opt_out": _field,
    "transcripts": _whole(1, 1_000_000),
}
_PROFILE_NAMES = {"model" if name == "models" else name: name for name in _OPTIONS if name != "suites"}
_TOP_NAMES = {name: name for name in _OPTIONS if name not in ("models", "resume")}


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of pyproject.toml with where it stands. base: folder that its paths start from."""

    values: Mapping[str, Any]
    header: str
    text: str
    base: Path

    def where(self, key: str) -> Where:
        """The line of a key, where it is written in the plain way."""
        inside = False
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.lstrip().startswith("["):
                inside = line.strip().startswith(f"[{self.header}]")
            elif inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[.=]", line):
                return Where(PYPROJECT, number)
        return Where(PYPROJECT)

    def options(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The parsed options of this table, by name in the settings."""
        for key in self.values:
            if key not in names:
                raise problem(
                    "unknown-key", f"unknown key {key!r} in [{self.header}]", self.where(key), nearest(key, names)
                )
        return {
            names[key]: _parsed(key, names[key], value, self.base, self.where(key))
            for key, value in self.values.items()
        }


def _parsed(shown: str, name: str, value: Any, base: Path, where: Where | None) -> Any:
    try:
        parsed = _OPTIONS[name](value, base)
    except ValueError as fault:
        raise problem("bad-option", f"{shown} {fault}, not {value!r}", where) from None
    return parsed


def build_settings(
    root: Path, options: Mapping[str, Any], env: Mapping[str, str], workers: int = 1, worker: str = "main"
) -> Settings:
    """The settings of a run: command line over profile over pyproject.toml.

    root: pytest's rootdir, whose pyproject.toml is read. options: values of the command line by name (`results, seed,
    trials, concurrency, models, record, budget, profile, baseline, inconclusive, resume, prices, report`), None where
    not given. env: a non-empty `CI` changes the defaults. workers, worker: of pytest-xdist. What a suite may set as
    well (seed, trials, budget) lands in `defaults` when it comes from `[tool.llmgate]` itself, below the suites.
    Raises LlmgateError for unknown keys, bad values and an unknown profile.
    """
    text, tool = _read(root)
    in_ci = bool(env.get("CI"))
    profiles = _mapping(tool, "profiles", "tool.llmgate", text)
    name = options.get("profile") or ("ci" if in_ci and "ci" in profiles else None)
    rest = _without(tool, "profiles", "redaction", *_TABLES)
    top = _Table(rest, "tool.llmgate", text, root).options(_TOP_NAMES)
    chosen = {
        "record": "replay" if in_ci else "new",
        **_without(top, *_BELOW_SUITES),
        **_profile(name, profiles, text, root),
        **_command_line(options),
    }
    return Settings(
        root=root,
        profile=name,
        workers=workers,
        worker=worker,
        defaults=_defaults(tool, top, text),
        redaction=_mapping(tool, "redaction", "tool.llmgate", text),
        **chosen,
    )


def _profile(name: str | None, profiles: Mapping[str, Any], text: str, root: Path) -> dict[str, Any]:
    if name is None:
        return {}
    if name not in profiles:
        hint = nearest(name, profiles) if profiles else "add [tool.llmgate.profiles.NAME]"
        raise problem("profile-unknown", f"there is no profile {name!r}", Where(PYPROJECT), hint)
    table = _mapping(profiles, name, "tool.llmgate.profiles", text)
    return _Table(table, f"tool.llmgate.profiles.{name}", text, root).options(_PROFILE_NAMES)


def _command_line(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that were given; flags that were not, and empty lists, say nothing."""
    given = {name: options.get(name) for name in _OPTIONS}
    return {
        name: _parsed(f"--llm-{_flag_name(name)}", name, value, Path(), None)
        for name, value in given.items()
        if value is not None and value != [] and value != ()
    }


def _flag_name(name: str) -> str:
    return "model" if name == "models" else name


def _defaults(tool: Mapping[str, Any], top: Mapping[str, Any], text: str) -> dict[str, Any]:
    """What stands below the suites, in the shape of a suite file."""
    tables: dict[str, Any] = {name: _mapping(tool, name, "tool.llmgate", text) for name in _TABLES if name in tool}
    if "trials" in top:
        tables["defaults"] = {"trials": top["trials"], **tables.get("defaults", {})}
    if "budget" in top:
        tables["budget"] = format(top["budget"], "f")
    return {**tables, **({"seed": top["seed"]} if "seed" in top else {})}


def _read(root: Path) -> tuple[str, Mapping[str, Any]]:
    """The text of pyproject.toml and its `[tool.llmgate]`, both empty where there is none."""
    try:
        text = (root / PYPROJECT).read_text(encoding="utf-8-sig")
        tool = tomllib.loads(text).get("tool", {})
    except FileNotFoundError:
        return "", {}
    except tomllib.TOMLDecodeError as fault:
        line = re.search(r"at line (\d+)", str(fault))
        where = Where(PYPROJECT, int(line[1]) if line else None)
        raise problem("toml-syntax", f"this is not TOML: {fault}", where) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise problem("toml-syntax", f"this file cannot be read: {fault}", Where(PYPROJECT)) from None
    return text, _mapping(tool, "llmgate", "tool", text) if isinstance(tool, dict) else {}


def _mapping(table: Mapping[str, Any], key: str, header: str, text: str) -> dict[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        where = _Table(table, header, text, Path()).where(key)
        raise problem("bad-option", f"{header}.{key} takes a table", where, f"write [{header}.{key}]")
    return found


def _without(table: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in keys}
