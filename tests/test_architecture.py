"""The shape of the house: imports between rooms, the price of a plain `pytest`, lengths, and the codes of messages."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "pytest_llmgate"
MESSAGES = REPOSITORY / "docs" / "messages.md"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

MAY_IMPORT: dict[str, frozenset[str]] = {
    "core": frozenset(),
    "stats": frozenset({"core"}),
    "engine": frozenset({"core", "stats"}),
    **dict.fromkeys(
        ("subjects", "providers", "quantum", "detectors", "redaction", "store", "suites", "reports", "extensions"),
        frozenset({"core", "stats"}),
    ),
    "session": frozenset(
        {"core", "stats", "engine", "subjects", "providers", "quantum", "detectors", "redaction", "store", "suites",
         "reports", "extensions"}
    ),
    **dict.fromkeys(("pytest_plugin", "cli", "testing"), frozenset({"core", "session"})),
    "": frozenset({"core"}),  # the package's own __init__: names only, resolved lazily
}  # fmt: skip
ALSO = {("pytest_plugin", "testing")}  # the fixtures render_prompt and mock_llm hand out what testing/ offers
HEAVY = {
    "qiskit", "scipy", "numpy", "aiohttp", "yaml", "jinja2", "jsonschema_rs", "re2", "rich", "click", "xllamacpp",
    "pydantic", "asyncio", "sqlite3", "multiprocessing", "opentelemetry", "prometheus_client", "requests",
}  # fmt: skip
LONGEST_FUNCTION, LONGEST_MODULE = 60, 300
PROBLEM_MAKERS = {"problem", "Problem", "broken"}


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py") if len(parts) > 1 else ""


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def for_types_only(tree: ast.Module) -> set[ast.AST]:
    """Nodes under `if TYPE_CHECKING:`, which never run."""
    blocks = (node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    return {inner for block in blocks for inner in ast.walk(block)}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every import, wherever it stands."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: a relative import"
            yield node.lineno, str(node.module)
            if node.module == "pytest_llmgate":
                yield from ((node.lineno, f"pytest_llmgate.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rooms_are_a_star(path: Path) -> None:
    """core knows nobody; rooms meet through core's ports; session joins them; pytest and the command see session."""
    room = room_of(path)
    assert room in MAY_IMPORT, f"the room {room}/ is not in the table"
    wrong = []
    for line, imported in imports(path):
        parts = imported.split(".")
        if parts[0] != "pytest_llmgate" or len(parts) < 2:
            continue
        other = parts[1]
        if other != room and other not in MAY_IMPORT[room] and (room, other) not in ALSO:
            wrong.append(f"{name_of(path)}:{line}: {room}/ imports {other}/")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_plugin_and_testing_import_pytest(path: Path) -> None:
    found = [f"{name_of(path)}:{line}" for line, name in imports(path) if name.split(".")[0] in ("pytest", "_pytest")]
    assert not found or room_of(path) in ("pytest_plugin", "testing"), found


@pytest.mark.parametrize("path", [p for p in MODULES if room_of(p) in ("core", "stats", "engine")], ids=name_of)
def test_the_heart_needs_the_standard_library_only(path: Path) -> None:
    """stats/shots alone computes with arrays, and whoever works with it: both are loaded where a circuit is judged."""
    tree = tree_of(path)
    skipped = for_types_only(tree)
    outer = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)) and node not in skipped]
    names = [alias.name for node in outer if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in outer if isinstance(node, ast.ImportFrom)]
    foreign = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"pytest_llmgate", "__future__"}
    arrays = {"numpy", "scipy"} if "shots" in path.relative_to(PACKAGE).as_posix() else set()
    assert not foreign - arrays


def test_the_entry_point_loads_nothing_heavy() -> None:
    """A plain `pytest` with the plugin installed pays for its options and markers only."""
    code = (
        "import sys, pytest; before = set(sys.modules)\n"
        "import pytest_llmgate.pytest_plugin\n"
        "print('\\n'.join(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    loaded = set(done.stdout.split())
    assert "pytest_llmgate.pytest_plugin" in loaded
    assert not {name for name in loaded if name.split(".")[0] in HEAVY}
    ours = {name.split(".")[1] for name in loaded if name.startswith("pytest_llmgate.")}
    assert ours == {"core", "pytest_plugin"}
    assert len([name for name in loaded if name.startswith("pytest_llmgate.")]) <= 8


def test_no_module_rebinds_its_names() -> None:
    """State lives in the run, so that two runs in one process know nothing of each other."""
    places = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Global)
    ]
    assert not places


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_MODULE, f"{name_of(path)} has {lines} lines"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{name_of(path)}:{node.lineno}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))


# ---- messages


def codes_of(path: Path) -> Iterator[tuple[str, str]]:
    """Place and code of every problem that a module can report."""
    tree = tree_of(path)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        maker = node.func
        is_add = isinstance(maker, ast.Attribute) and maker.attr == "add" and "problems" in ast.unparse(maker.value)
        if is_add or (isinstance(maker, ast.Name) and maker.id in PROBLEM_MAKERS):
            for code in literals(node.args[0], tree):
                yield f"{name_of(path)}:{node.lineno}", code


def literals(node: ast.expr, tree: ast.Module) -> Iterator[str]:
    """The codes that an argument can be: a text, one of two, one of a table, or one with a part filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body, tree)
        yield from literals(node.orelse, tree)
    elif isinstance(node, ast.Subscript):
        tables = [
            item.value
            for item in tree.body
            if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == ast.unparse(node.value)
        ]
        for table in tables:
            assert isinstance(table, ast.Dict)
            for value in table.values:
                yield from literals(value, tree)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)


def used_codes() -> dict[str, str]:
    found = {code: place for path in MODULES for place, code in codes_of(path)}
    for kind in ("assertion", "backend", "provider", "report"):  # `unknown-*` of the registry's shelves
        if "unknown-*" in found:
            found[f"unknown-{kind}"] = found["unknown-*"]
    found.pop("unknown-*", None)
    return found


def listed_codes() -> list[str]:
    return re.findall(r"^### `?([a-z0-9-]+)`?$", MESSAGES.read_text(encoding="utf-8"), re.MULTILINE)


def test_codes_are_kebab_case() -> None:
    assert not [code for code in used_codes() if not re.fullmatch(r"[a-z]+[a-z0-9]*(-[a-z0-9]+)*", code)]


def test_every_code_is_explained_and_none_that_is_not_used() -> None:
    used, listed = used_codes(), listed_codes()
    missing = {code: place for code, place in used.items() if code not in listed}
    assert not missing, f"explain in docs/messages.md: {missing}"
    assert not set(listed) - set(used), "docs/messages.md explains what no code says"
    assert listed == sorted(set(listed)), "keep docs/messages.md in alphabetical order, each code once"


# ---- what is installed


def closure(name: str, seen: dict[str, Distribution]) -> dict[str, Distribution]:
    """A distribution and all that it requires without extras."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return seen
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return seen  # for another platform or Python
    seen[key] = found
    for requirement in found.requires or ():
        if "extra ==" not in requirement:
            match = re.match(r"[A-Za-z0-9._-]+", requirement)
            assert match is not None
            closure(match[0], seen)
    return seen


def plugins_of(name: str) -> set[tuple[str, str]]:
    """Distribution and name of every pytest plugin that comes with a distribution."""
    return {
        (key, entry.name)
        for key, found in closure(name, {}).items()
        for entry in found.entry_points
        if entry.group == "pytest11"
    }


def test_no_dependency_brings_a_pytest_plugin() -> None:
    """Every plugin of a dependency would slow down each `pytest` of whoever installs ours."""
    assert plugins_of("pytest-llmgate") == {("pytest-llmgate", "llmgate")}


@pytest.mark.parametrize("name", ["opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"])
def test_neither_does_the_extra_for_traces(name: str) -> None:
    assert len(closure(name, {})) > 3  # it is installed, and so was looked at
    assert plugins_of(name) == set()
