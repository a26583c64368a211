"""Baseline files: the same bytes for the same figures, and everything strange is refused with its line."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from baseline_samples import BELL, FILE, SUITE, counted, entry
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.baseline import PARTS, parts
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store import atomic
from pytest_llmgate.store.accepting import accepted, changes, says_the_same
from pytest_llmgate.store.baseline_lines import SCHEMA, decode, encode
from pytest_llmgate.store.baselines import read_baselines, update_baselines

GHZ = entry(f"{SUITE}::ghz", widths=(2, 1), outcomes={"00 0": 1, "11 1": PARTS - 1}, arm="noise×2")


def code_of(fault: pytest.ExceptionInfo[LlmgateError]) -> str:
    return fault.value.problems[0].code


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two entries."""
    file = tmp_path / FILE
    file.parent.mkdir()
    file.write_bytes(encode([GHZ, entry()]))
    return file


def test_a_file_is_sorted_json_with_one_figure_a_line() -> None:
    lines = encode([counted({"11": 30, "00": 34}, shape={"gates": {"h": 1}, "depth": 2, "two_qubit": 0})]).decode()
    assert (
        lines
        == f"""{{
 "schema": "llmgate.baseline/1",
 "tests": {{
  "{BELL}": {{
   "distribution": {{
    "": {{
     "author": "Ada",
     "backend": "aer",
     "circuit": "sha256:c1",
     "kind": "counts",
     "noise": "sha256:n1",
     "outcomes": {{
      "00": 34,
      "11": 30
     }},
     "reason": "first light",
     "shape": {{
      "depth": 2,
      "gates": {{
       "h": 1
      }},
      "two_qubit": 0
     }},
     "total": 64,
     "transpile": "sha256:t1",
     "widths": [
      2
     ]
    }}
   }}
  }}
 }}
}}
"""
    )


def test_what_was_written_is_read(path: Path, tmp_path: Path) -> None:
    found = read_baselines(path, tmp_path)
    assert found.get(BELL, "distribution") == entry()
    assert found.get(f"{SUITE}::ghz", "distribution", "noise×2") == GHZ
    assert found.get(BELL, "distribution", "noise×2") is None
    assert encode(found.entries.values()) == path.read_bytes()


def test_a_missing_file_has_no_baselines(tmp_path: Path) -> None:
    assert not read_baselines(tmp_path / FILE, tmp_path).entries


TEXT = st.text(max_size=20)


@given(TEXT, TEXT, TEXT, st.one_of(st.none(), st.text(min_size=1)), st.integers(1, 2**52))
def test_any_text_survives_the_file(gate: str, arm: str, reason: str, author: str | None, shots: int) -> None:
    made = counted({"00": shots}, gate=gate, arm=arm, reason=reason, author=author)
    assert decode(encode([made]), FILE, FILE) == {made.key: made}


@given(st.permutations([entry(), GHZ, entry(gate="another"), entry(arm="basis X")]))
def test_the_order_of_entries_makes_no_difference(entries: list[Any]) -> None:
    assert encode(entries) == encode([entry(), GHZ, entry(gate="another"), entry(arm="basis X")])


# ---- what is refused


def changed(path: Path, change: Callable[[Any], object]) -> None:
    tree = json.loads(path.read_text())
    change(tree["tests"][BELL]["distribution"][""])
    path.write_text(json.dumps(tree, indent=1, sort_keys=True))


def outcome(value: Any) -> Callable[[Any], object]:
    return lambda row: row["outcomes"].update({"00": value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (outcome(-1), "not -1"),
        (outcome(0.5), "not 0.5"),
        (outcome(float("nan")), "not nan"),
        (outcome(float("inf")), "not inf"),
        (outcome(True), "not true"),
        (outcome("5"), 'not "5"'),
        (outcome(10**40), "not 1000"),
        (outcome(0), "'00' never came"),
        (outcome(1), "sum to"),
        (lambda row: row["outcomes"].update({"000": 1}), "'000' is no bitstring of 2 bits"),
        (lambda row: row["outcomes"].update({"0 0": 1}), "'0 0' is no bitstring of 2 bits"),
        (lambda row: row.update(outcomes=[1]), "'outcomes' is an object"),
        (lambda row: row.update(outcomes={}, total=0), "sum to 0"),
        (lambda row: row.update(outcomes={"00": 5}, total=5), f"sum to {PARTS} parts"),
        (lambda row: row.update(kind="guess"), "'kind' is one of"),
        (lambda row: row.update(kind=["counts"]), "'kind' is one of"),
        (lambda row: row.update(widths=[]), "'widths'"),
        (lambda row: row.update(widths=[2.0]), "'widths'"),
        (lambda row: row.update(widths=[-2]), "'widths'"),
        (lambda row: row.update(circuit=None), "'circuit' is a text"),
        (lambda row: row.update(noise=7), "'noise' is a text or null"),
        (lambda row: row.update(author=""), "'author' is a text or null"),
        (lambda row: row.update(reason=None), "'reason' is a text"),
        (lambda row: row["shape"].update(depth=-3), "'depth' is a whole number"),
        (lambda row: row["shape"]["gates"].update(h=1.5), "'h' is a whole number"),
        (lambda row: row["shape"].pop("two_qubit"), "'shape' has the keys"),
        (lambda row: row.pop("noise"), "lacks or has too much: noise"),
        (lambda row: row.update(extra=1), "lacks or has too much: extra"),
    ],
)
def test_a_wrong_figure_is_refused_with_its_line(
    path: Path, tmp_path: Path, change: Callable[[Any], object], said: str
) -> None:
    changed(path, change)
    with pytest.raises(LlmgateError) as fault:
        read_baselines(path, tmp_path)
    found = fault.value.problems[0]
    assert found.code == "baseline-damaged"
    assert said in found.message
    assert found.where is not None and found.where.path == FILE and (found.where.line or 0) > 1


def test_the_line_of_a_wrong_figure_is_the_right_one(path: Path, tmp_path: Path) -> None:
    lines = path.read_text().split("\n")
    number = next(n for n, line in enumerate(lines) if '"11 1"' in line)
    lines[number] = '      "11 1": -5'
    path.write_text("\n".join(lines))
    with pytest.raises(LlmgateError, match=f"{FILE}:{number + 1}: '11 1' is a whole number"):
        read_baselines(path, tmp_path)


@pytest.mark.parametrize("marker", ["<<<<<<< ours", "=======", ">>>>>>> theirs", "||||||| base"])
def test_an_unsolved_merge_is_refused_with_its_line(path: Path, tmp_path: Path, marker: str) -> None:
    lines = path.read_text().split("\n")
    lines.insert(7, marker)
    path.write_text("\n".join(lines))
    with pytest.raises(LlmgateError, match=f"{FILE}:8: an unsolved merge conflict; .*--llm-baseline=propose"):
        read_baselines(path, tmp_path)


@pytest.mark.parametrize(
    ("schema", "code", "hint"),
    [
        ("llmgate.baseline/2", "baseline-newer", "install the version"),
        ("llmgate.proposals/1", "baseline-damaged", "llmgate baseline accept"),
        ("something/1", "baseline-damaged", "restore the file"),
        (None, "baseline-damaged", "restore the file"),
    ],
)
def test_another_schema_is_refused(path: Path, tmp_path: Path, schema: str | None, code: str, hint: str) -> None:
    path.write_text(path.read_text().replace(json.dumps(SCHEMA), json.dumps(schema)))
    with pytest.raises(LlmgateError) as fault:
        read_baselines(path, tmp_path)
    assert code_of(fault) == code
    assert hint in fault.value.problems[0].hint
    assert fault.value.problems[0].where is not None and fault.value.problems[0].where.line == 2


def test_a_key_that_stands_twice_is_refused_with_its_second_line(path: Path, tmp_path: Path) -> None:
    lines = path.read_text().split("\n")
    number = next(n for n, line in enumerate(lines) if '"00 0"' in line)
    lines.insert(number, lines[number])
    path.write_text("\n".join(lines))
    with pytest.raises(LlmgateError, match=f"{FILE}:{number + 2}: '00 0' stands here twice"):
        read_baselines(path, tmp_path)


def test_an_entry_of_another_suite_is_refused_with_its_line(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "suites" / "other.baseline.json"
    path.rename(other)
    with pytest.raises(LlmgateError, match=r"suites/other.baseline.json:4: 'suites/q.suite.yaml::bell' belongs"):
        read_baselines(other, tmp_path)


def test_a_suite_and_a_module_of_one_name_share_their_file(tmp_path: Path) -> None:
    """Ids begin with the file, so that nothing is mistaken."""
    both = [entry("tests/q.suite.yaml::bell"), counted({"00": 9}, test="tests/q.py::bell")]
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/q.baseline.json").write_bytes(encode(both))
    found = read_baselines(tmp_path / "tests/q.baseline.json", tmp_path)
    assert [found.get(item.test, item.gate) for item in both] == both


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"schema": "llmgate.baseline/1"}', b"\xff", b"9" * 5000, b"[" * 100_000,
     b'{"schema": "llmgate.baseline/1", "tests": []}', b'{"schema": "llmgate.baseline/1", "tests": {"a": 1}}',
     b'{"schema": "llmgate.baseline/1", "tests": {}, "more": 1}'],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_file_of_baselines_is_refused(path: Path, tmp_path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(LlmgateError) as fault:
        read_baselines(path, tmp_path)
    assert code_of(fault) == "baseline-damaged"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir(parents=True)
    with pytest.raises(LlmgateError, match="cannot be read"):
        read_baselines(tmp_path / FILE, tmp_path)


# ---- writing


def test_a_change_of_one_entry_leaves_the_other_lines(path: Path, tmp_path: Path) -> None:
    before = path.read_text().split("\n")
    new = counted({"00": 3}, reason="moved")
    update_baselines(path, tmp_path, lambda old: {**old, new.key: new})
    ghz = before.index(f'  "{GHZ.test}": {{')
    after = path.read_text().split("\n")
    assert after[after.index(f'  "{GHZ.test}": {{') :] == before[ghz:]


def test_what_says_nothing_new_writes_nothing(path: Path, tmp_path: Path) -> None:
    path.write_text(path.read_text() + "\n")  # as an editor left it
    stamp = path.stat()
    update_baselines(path, tmp_path, lambda old: {**old, entry().key: entry()})
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (stamp.st_mtime_ns, stamp.st_ino)


def test_the_last_entry_takes_the_file_with_it(path: Path, tmp_path: Path) -> None:
    update_baselines(path, tmp_path, lambda old: {})
    assert not path.exists()


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk-full"), (errno.EROFS, "cannot-write")])
def test_a_full_or_read_only_disk_leaves_the_old_file(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(LlmgateError, match="the file is as it was") as fault:
        update_baselines(path, tmp_path, lambda old: {**old, entry().key: counted({"00": 1})})
    assert code_of(fault) == code
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


# ---- what is news


def test_probabilities_within_a_billionth_are_no_news() -> None:
    old = entry()
    dust = replace(old, outcomes={"00": PARTS // 2 - 1000, "11": PARTS // 2 + 1000}, reason="")
    moved = replace(old, outcomes={"00": PARTS // 2 - 1001, "11": PARTS // 2 + 1001}, reason="")
    assert says_the_same(old, dust, confirmed=False)
    assert not says_the_same(old, moved, confirmed=True)


def test_counts_are_news_only_where_the_gate_has_not_confirmed_the_old_ones() -> None:
    old, new = counted({"00": 50, "11": 50}), counted({"00": 47, "11": 53}, reason="")
    assert says_the_same(old, new, confirmed=True)
    assert not says_the_same(old, new, confirmed=False)


@pytest.mark.parametrize(
    "fields",
    [{"circuit_digest": "sha256:c2"}, {"noise_digest": None}, {"transpile_digest": None}, {"backend": "ibm"}],
)
def test_other_circumstances_are_news(fields: dict[str, Any]) -> None:
    assert not says_the_same(entry(), entry(**fields), confirmed=True)


def test_better_knowledge_is_news() -> None:
    """Exact probabilities replace counts of the same circuit, though the gate has passed."""
    assert not says_the_same(counted({"00": 50, "11": 50}), entry(outcomes=parts({"00": 0.5, "11": 0.5})), True)


def test_what_is_no_news_keeps_its_reason() -> None:
    old = {entry().key: entry(), GHZ.key: GHZ}
    assert accepted(old, [entry(reason="again", author="Bob")], lambda _: False) == old
    assert accepted(old, [entry(reason="new", circuit_digest="sha256:c2")], lambda _: True)[entry().key].reason == "new"


def test_deleted_baselines_come_first() -> None:
    first, second, third = (entry(f"{SUITE}::{name}") for name in "abc")
    found = changes({first.key: first, third.key: third}, {first.key: replace(first, reason="x"), second.key: second})
    assert [(change.key.test[-1], change.old is None, change.new is None) for change in found] == [
        ("c", False, True), ("a", False, False), ("b", True, False),
    ]  # fmt: skip
