"""Where the sources of a reply come from: the case, the reply, files, or a folder of documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import bad_parameter, shown
from pytest_llmgate.detectors.values import Unusable, resolver

Source = tuple[str, str]
"""Name and text of a source."""

DOCUMENTS = (".txt", ".md", ".rst", ".json", ".jsonl", ".yaml", ".yml", ".csv", ".html")
MOST_FILES = 20_000
_FORMS = "write context, the name of a case's variable, {{a.reference}}, a file or a folder/; or a list of these"


@dataclass(frozen=True, slots=True)
class Sources:
    """Looks up the sources of one reply. fixed: read at the start. fields: looked up in the case or the reply."""

    fixed: tuple[Source, ...]
    fields: tuple[Callable[[Case, Reply | None], Any], ...]

    def of(self, case: Case, reply: Reply | None) -> tuple[Source, ...]:
        """Names and texts; empty where there are none. Raises Unusable where a field is undefined."""
        found = list(self.fixed)
        for field in self.fields:
            found += texts_of(field(case, reply))
        return tuple((name, text) for name, text in found if text.strip())

    def undefined(self, case: Case) -> list[str]:
        """Why a case's sources cannot be looked up before there is a reply, as clauses; empty where they can."""
        try:
            self.of(case, None)
        except Unusable as fault:
            return [str(fault)]
        return []


def sources_from(raw: Any, files: SuiteFiles, where: Where | None) -> Sources:
    """The lookup that a `sources` parameter asks for; raises LlmgateError for files that cannot be read."""
    wanted = raw if isinstance(raw, (list, tuple)) else [raw]
    if not wanted or not all(isinstance(item, str) and item.strip() for item in wanted):
        raise bad_parameter("sources", f"{shown(raw)} names no source", where, _FORMS)
    fixed: list[Source] = []
    fields: list[Callable[[Case, Reply | None], Any]] = []
    for item in wanted:
        if _is_path(item):
            fixed += read_documents(item, files, where)
        else:
            fields.append(_field(item, where))
    return Sources(tuple(fixed), tuple(fields))


def texts_of(value: Any) -> Iterator[Source]:
    """Texts of a context: a text, several, or objects with `text` and perhaps `id`; what else there is, as JSON."""
    if value is None:
        return
    items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    for number, item in enumerate(items, start=1):
        if isinstance(item, Mapping) and isinstance(item.get("text"), str):
            yield str(item.get("id", number)), item["text"]
        elif isinstance(item, str):
            yield str(number), item
        else:
            yield str(number), json.dumps(item, ensure_ascii=False, default=str)


def _field(name: str, where: Where | None) -> Callable[[Case, Reply | None], Any]:
    reference = resolver(name, where)
    if reference is not None:
        return lambda case, reply: reference(case)
    if name == "context":
        return lambda case, reply: case.context if reply is None or reply.context is None else reply.context
    if name == "reply.context":
        return lambda case, reply: None if reply is None else reply.context
    if name == "case.context":
        return lambda case, reply: case.context
    lookup = resolver("{{" + name + "}}", where)
    assert lookup is not None  # it holds a reference
    return lambda case, reply: lookup(case)


def _is_path(name: str) -> bool:
    """A bare word is a variable of the case, whatever folders there are; a folder is written with a slash."""
    return "{{" not in name and (name.lower().endswith(DOCUMENTS) or "/" in name)


def read_documents(name: str, files: SuiteFiles, where: Where | None) -> list[Source]:
    """The documents of a file, or of all files below a folder, in the order of their names."""
    folder = files.base / name
    if not folder.is_dir():
        return list(_documents(name, files.read_text(name, where)))
    if not folder.resolve().is_relative_to(files.root.resolve()):
        raise problem("path-outside-root", f"{name!r} leads out of the root directory", where)
    below = sorted(path for path in folder.rglob("*") if path.suffix.lower() in DOCUMENTS and path.is_file())
    if not below or len(below) > MOST_FILES:
        raise bad_parameter(
            "sources", f"the folder {name!r} holds {len(below)} documents", where, f"1 to {MOST_FILES}: {_endings()}"
        )
    found: list[Source] = []
    for path in below:
        inner = (PurePosixPath(name) / path.relative_to(folder).as_posix()).as_posix()
        found += _documents(inner, files.read_text(inner, where))
    return found


def _endings() -> str:
    return ", ".join(DOCUMENTS)


def _documents(name: str, text: str) -> Iterator[Source]:
    """The texts of a file: JSON and JSON lines by their rows, everything else as one text."""
    try:
        if name.lower().endswith(".jsonl"):
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        elif name.lower().endswith(".json"):
            loaded = json.loads(text)
            rows = loaded if isinstance(loaded, list) else [loaded]
        else:
            yield name, text
            return
    except (ValueError, RecursionError):
        yield name, text
        return
    for inner, body in texts_of(rows):
        yield f"{name}#{inner}", body
