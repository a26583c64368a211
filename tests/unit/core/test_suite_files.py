"""Files that a suite names: never outside the root, never half read."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.core.files import SuiteFiles

AT = Where("suites/a.suite.yaml", 5)


@pytest.fixture
def files(tmp_path: Path) -> SuiteFiles:
    (tmp_path / "root" / "suites").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    return SuiteFiles(tmp_path / "root", tmp_path / "root" / "suites")


def code(action: object) -> str:
    with pytest.raises(LlmgateError) as caught:
        action()  # type: ignore[operator]
    assert str(caught.value).startswith("suites/a.suite.yaml:5: ")
    return caught.value.problems[0].code


def test_a_file_is_named_relative_to_the_suite(files: SuiteFiles) -> None:
    (files.base / "p.txt").write_bytes(b"\xef\xbb\xbfhello \xc3\xa9")
    assert files.read_text("p.txt") == "hello é"
    assert files.shown(files.resolve("p.txt")) == "suites/p.txt"
    assert files.digest("p.txt").startswith("sha256:")


def test_above_the_base_is_fine_and_above_the_root_is_not(files: SuiteFiles) -> None:
    (files.root / "shared.txt").write_text("shared")
    assert files.read_text("../shared.txt") == "shared"
    assert code(lambda: files.read_text("../../secret.txt", AT)) == "path-outside-root"
    assert code(lambda: files.read_text(str(files.root.parent / "secret.txt"), AT)) == "path-outside-root"


def test_a_link_may_not_lead_out(files: SuiteFiles) -> None:
    (files.base / "link.txt").symlink_to(files.root.parent / "secret.txt")
    (files.base / "folder").symlink_to(files.root.parent)
    assert code(lambda: files.read_text("link.txt", AT)) == "path-outside-root"
    assert code(lambda: files.read_text("folder/secret.txt", AT)) == "path-outside-root"


def test_a_root_that_is_a_link_is_no_way_out(files: SuiteFiles, tmp_path: Path) -> None:
    (files.base / "p.txt").write_text("hello")
    (tmp_path / "alias").symlink_to(files.root)
    through = SuiteFiles(tmp_path / "alias", tmp_path / "alias" / "suites")
    assert through.read_text("p.txt") == "hello"
    assert through.shown(through.resolve("p.txt")) == "suites/p.txt"


def test_a_missing_file_says_where_it_was_looked_for(files: SuiteFiles) -> None:
    with pytest.raises(LlmgateError, match=r"looked for suites/none\.txt"):
        files.read_text("none.txt")
    assert code(lambda: files.read_text(".", AT)) == "file-missing"


@pytest.mark.parametrize("name", ["a\0b.txt", "x" * 5000, "loop/p.txt"])
def test_a_name_that_no_file_can_have(files: SuiteFiles, name: str) -> None:
    (files.base / "loop").symlink_to(files.base / "loop")
    assert code(lambda: files.read_text(name, AT)) == "file-missing"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root and Windows may read everything")
def test_a_file_without_permission(files: SuiteFiles) -> None:
    (files.base / "p.txt").write_text("x")
    (files.base / "p.txt").chmod(0)
    assert code(lambda: files.read_text("p.txt", AT)) == "file-unreadable"


def test_text_that_is_not_utf8(files: SuiteFiles) -> None:
    (files.base / "p.txt").write_bytes(b"caf\xe9")
    assert code(lambda: files.read_text("p.txt", AT)) == "file-not-utf8"


def test_a_file_that_is_too_large(files: SuiteFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_llmgate.core.files.MAX_BYTES", 1 << 20)
    (files.base / "p.txt").write_bytes(b"x" * ((1 << 20) + 1))
    assert code(lambda: files.read_text("p.txt", AT)) == "file-too-large"


# ---- objects


def write(files: SuiteFiles, text: str, name: str = "target_of_a_test.py") -> None:
    (files.base / name).write_text(text)


def test_an_object_of_a_file_is_imported_once(files: SuiteFiles) -> None:
    write(files, "calls = []\ncalls.append(1)\ndef answer(): return len(calls)\n")
    first = files.load_object("target_of_a_test.py:answer")
    assert first() == 1
    assert files.load_object("target_of_a_test.py:answer") is first


def test_a_file_can_import_its_neighbours(files: SuiteFiles) -> None:
    write(files, "WORD = 'hello'", "neighbour_of_a_test.py")
    write(files, "from neighbour_of_a_test import WORD", "asks_its_neighbour.py")
    assert files.load_object("asks_its_neighbour.py:WORD") == "hello"


@pytest.mark.parametrize("target", ["target.py", "target.py:", ":answer", "target:answer", "target.txt:answer"])
def test_a_target_has_a_file_and_a_name(files: SuiteFiles, target: str) -> None:
    assert code(lambda: files.load_object(target, AT)) == "target-syntax"


def test_an_object_that_is_not_there(files: SuiteFiles) -> None:
    write(files, "x = 1", "nothing_in_it.py")
    assert code(lambda: files.load_object("nothing_in_it.py:answer", AT)) == "target-missing"
    assert code(lambda: files.load_object("../../out.py:answer", AT)) == "path-outside-root"


@pytest.mark.parametrize("body", ["raise ValueError('no key')", "import not_installed_anywhere", "def (", "import sys; sys.exit(0)"])  # fmt: skip  # noqa: E501
def test_a_file_that_cannot_be_imported(files: SuiteFiles, body: str) -> None:
    """`sys.exit(0)` at import must not end pytest as if all were well."""
    write(files, body, "cannot_be_imported.py")
    assert code(lambda: files.load_object("cannot_be_imported.py:answer", AT)) == "target-import"
    assert code(lambda: files.load_object("cannot_be_imported.py:answer", AT)) == "target-import"


def test_no_thread_sees_a_module_that_another_one_is_still_importing(files: SuiteFiles) -> None:
    (files.base / "slow_to_import.py").write_text("import time\ntime.sleep(0.2)\nWORD = 'hello'\n")
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(files.load_object, ["slow_to_import.py:WORD"] * 4))
    assert found == ["hello"] * 4
