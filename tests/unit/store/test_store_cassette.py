"""A cassette gives back what was recorded, says file and line of what is wrong, and survives a kill."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_samples import key, manifest, python, reply, request

from pytest_llmgate.core.codec import digest
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.ports import CallKey
from pytest_llmgate.core.reply import Redaction, Reply
from pytest_llmgate.core.settings import RecordMode
from pytest_llmgate.store.cassette import JsonlCassette, call_digest
from pytest_llmgate.store.cassette_merge import merge_segments, recover, segment_paths, start_segment
from pytest_llmgate.store.rundir import RunDir

NAME = "support.cassette.jsonl"


class Project:
    """A root with one cassette and one run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cassette = root / NAME
        self.run = RunDir.create(root)
        self.run.write_manifest(manifest(self.run))

    def worker(self, mode: RecordMode = "new", name: str = "gw0", **more: Any) -> JsonlCassette:
        segment = None if mode == "replay" else start_segment(self.run.path, self.root, self.cassette, mode, name)
        return JsonlCassette(self.cassette, 7, mode, segment, **more)

    def merge(self, *, prune: bool = False) -> int:
        segments = segment_paths(self.run.path)
        changed = merge_segments(self.cassette, segments, prune)
        for segment in segments:
            segment.unlink()
        return changed

    def recorded(self, *answers: tuple[CallKey, Reply], mode: RecordMode = "new") -> bytes:
        worker = self.worker(mode)
        for which, answer in answers:
            worker.keep(request(), which, answer)
        self.merge()
        return self.cassette.read_bytes()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_what_was_kept_is_found_now_and_in_later_runs(project: Project) -> None:
    said = Reply(
        "Né \udc80\u2028", {"a": [1, None]}, ["s", {"id": "1", "text": "t"}], ({"name": "f", "arguments": {}},),
        "tiny-1", "stop", 9, 0, Decimal("0.00010"), 12.346, (Redaction("email", 0, 2, "Né"),),
    )  # fmt: skip
    worker = project.worker()
    assert worker.find(request(), key()) is None
    worker.keep(request(), key(), said)
    assert worker.find(request(seed=99, vars={"q": "x"}), key()) == said
    assert worker.find(request(), key(1)) is worker.find(request("Another?"), key()) is None
    assert project.merge() == 1
    later = project.worker("replay")
    assert later.find(request(), key()) == said
    assert later.oldest_used == datetime.now(UTC).date()


def test_a_bare_reply_keeps_its_unknowns(project: Project) -> None:
    project.recorded((key(), Reply("")))
    assert project.worker("replay").find(request(), key()) == Reply("")


def test_the_key_depends_on_the_question_and_its_ordinals_and_on_nothing_else() -> None:
    asked = request()
    base = call_digest(asked, key(), 7)
    assert base == call_digest(replace(asked, seed=3, vars={"a": 1}), key(), 7)
    others = [
        call_digest(replace(asked, model="other"), key(), 7),
        call_digest(request("other"), key(), 7),
        call_digest(replace(asked, params={"temperature": 0}), key(), 7),
        call_digest(asked, key(), 8),
        *(call_digest(asked, which, 7) for which in (key(1), key(0, 1), key(0, 0, 1), key(0, 0, 2))),
    ]
    assert len({base, *others}) == 9


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda item: st.lists(item) | st.dictionaries(st.text(), item),
)


@given(_JSON)
def test_the_key_is_that_of_the_canonical_request(value: Any) -> None:
    asked = request(params={"value": MappingProxyType({"x": value})})
    whole = {
        "model": "tiny", "messages": asked.messages, "params": {"value": {"x": value}},
        "root_seed": 7, "repeat": 1, "ordinal": 2,
    }  # fmt: skip
    assert "sha256:" + call_digest(asked, key(1, 2), 7) == digest(whole)


def test_modes(project: Project) -> None:
    project.recorded((key(0), reply("old 0")), (key(1), reply("old 1")))
    anew = project.worker("all")
    assert anew.find(request(), key(0)) is None
    anew.keep(request(), key(0), reply("new 0"))
    anew.keep(request(), key(0), reply("newer 0"))
    found = anew.find(request(), key(0))
    assert found is not None and found.text == "new 0"
    assert project.merge() == 1
    replay = project.worker("replay")
    assert [getattr(replay.find(request(), key(n)), "text", None) for n in range(3)] == ["new 0", "old 1", None]
    with pytest.raises(RuntimeError, match="without a segment"):
        replay.keep(request(), key(2), reply())


def test_only_a_complete_recording_anew_drops_what_nobody_asked(project: Project) -> None:
    project.recorded((key(0), reply()), (key(1), reply()))
    project.worker("all").keep(request(), key(0), reply("new"))
    project.merge(prune=True)
    replay = project.worker("replay")
    assert replay.find(request(), key(0)) == replace(reply("new"), latency_ms=12.346)
    assert replay.find(request(), key(1)) is None


def test_two_workers_that_ask_the_same_share_the_first_reply(project: Project) -> None:
    one, two = project.worker(name="gw0"), project.worker(name="gw1")
    assert one.find(request(), key()) is two.find(request(), key()) is None
    two.keep(request(), key(), reply("two was first"))
    one.keep(request(), key(), reply("one was late"))
    late = project.worker(name="gw2")
    assert {getattr(worker.find(request(), key()), "text", None) for worker in (one, two, late)} == {"two was first"}
    project.merge()
    assert b"one was" not in project.cassette.read_bytes()


@settings(max_examples=20)
@given(data=st.data())
def test_the_same_bytes_whatever_worker_recorded_what_in_which_order(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = set()
    for _ in range(2):
        project = Project(tmp_path_factory.mktemp("cassette"))
        workers = [project.worker(name=f"gw{n}") for n in range(2)]
        for number in data.draw(st.permutations(range(6))):
            workers[data.draw(st.integers(0, 1))].keep(request(), key(number), reply(f"reply {number}"))
        project.merge()
        written.add(project.cassette.read_bytes())
    assert len(written) == 1
    lines = written.pop().splitlines()
    assert json.loads(lines[0]) == {"schema": "llmgate.cassette/1"}
    assert lines[1:] == sorted(lines[1:])
    assert len(lines) == 7


def test_a_run_that_records_nothing_leaves_the_file_alone(project: Project) -> None:
    before = project.recorded((key(), reply()))
    stamp = project.cassette.stat().st_mtime_ns
    project.worker().find(request(), key())
    assert project.merge() == 0
    assert (project.cassette.read_bytes(), project.cassette.stat().st_mtime_ns) == (before, stamp)
    project.cassette.unlink()
    project.worker()
    project.merge()
    assert not project.cassette.exists()


def broken_by(project: Project, content: bytes) -> str:
    project.cassette.write_bytes(content)
    with pytest.raises(LlmgateError) as caught:
        project.worker("replay").find(request(), key())
    return str(caught.value)


def test_a_merge_conflict_is_named_with_its_line(project: Project) -> None:
    head, line = project.recorded((key(), reply())).splitlines(keepends=True)
    told = broken_by(project, head + b"<<<<<<< HEAD\n" + line + b"=======\n>>>>>>> branch\n")
    assert f"{NAME}:2: " in told and "cassette-conflict" in told
    assert "cassette-conflict" in broken_by(project, b"<<<<<<< HEAD\n" + head)


def test_all_bad_lines_are_told_at_once(project: Project) -> None:
    head, line = project.recorded((key(), reply())).splitlines(keepends=True)
    told = broken_by(project, head + line + b"junk\n" + line + b"{}\n")
    for number, code in ((3, "cassette-damaged"), (4, "cassette-duplicate"), (5, "cassette-damaged")):
        assert any(f"{NAME}:{number}: " in row and code in row for row in told.splitlines())
    with pytest.raises(LlmgateError, match=f"{NAME}:3"):
        merge_segments(project.cassette, [])


@pytest.mark.parametrize("first", [b'{"schema":"llmgate.cassette/2"}\n', b"{}\n", b"junk\n", b"[1]\n", b"\xff\n"])
def test_a_cassette_of_another_schema_is_refused(project: Project, first: bytes) -> None:
    assert "cassette-schema" in broken_by(project, first)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"text":"In Paris."', b'"text":5'),
        (b'"text":"In Paris."', b'"text":"a","text":"b"'),
        (b'"text":"In Paris."', b'"text":"a","verdict":"pass"'),
        (b'"input_tokens":9', b'"input_tokens":-1'),
        (b'"input_tokens":9', b'"input_tokens":9.0'),
        (b'"input_tokens":9', b'"input_tokens":true'),
        (b'"latency_us":12346', b'"latency_us":NaN'),
        (b'"latency_us":12346', b'"latency_us":1e3'),
        (b'"cost_usd":"0.0001"', b'"cost_usd":0.0001'),
        (b'"cost_usd":"0.0001"', b'"cost_usd":"1E+999999999"'),
        (b'"cost_usd":"0.0001"', b'"data":Infinity'),
        (b'"cost_usd":"0.0001"', b'"data":' + b"[" * 5000 + b"]" * 5000),
        (b'"cost_usd":"0.0001"', b'"tool_calls":["f"]'),
        (b'"cost_usd":"0.0001"', b'"redactions":[["email",1,2]]'),
        (b'"cost_usd":"0.0001"', b'"redactions":null'),
        (b'"model":"tiny-1"', b'"model":1'),
        (b'"repeat":0', b'"repeat":"0"'),
        (b'"repeat":0,', b""),
        (b'"recorded":"20', b'"recorded":"x20'),
        (b"In Paris", b"In \xff"),
    ],
)
def test_a_forged_or_damaged_recording_is_an_error_with_its_line(project: Project, old: bytes, new: bytes) -> None:
    content = project.recorded((key(), reply()))
    assert old in content
    told = broken_by(project, content.replace(old, new))
    assert f"{NAME}:2: " in told and "cassette-damaged" in told


def test_an_edited_file_is_not_served_under_a_wrong_key(project: Project) -> None:
    project.recorded((key(0), reply("a" * 30)), (key(1), reply("b" * 30)))
    replay = project.worker("replay")
    replay.load()
    head, first, second = project.cassette.read_bytes().splitlines(keepends=True)
    project.cassette.write_bytes(head + second + first)
    with pytest.raises(LlmgateError, match="changed during the run"):
        replay.find(request(), key(0))


def test_a_missing_or_empty_file_has_no_recording(project: Project) -> None:
    assert project.worker("replay").find(request(), key()) is None
    project.cassette.write_bytes(b"")
    assert project.worker("replay").find(request(), key()) is None


def test_reformatted_lines_and_windows_line_ends_are_read(project: Project) -> None:
    content = project.recorded((key(), reply()))
    head, line = content.splitlines()
    project.cassette.write_bytes(head + b"\r\n" + json.dumps(json.loads(line)).encode() + b"\r\n\r\n")
    assert project.worker("replay").find(request(), key()) is not None


def test_the_oldest_reply_that_was_used_is_known(project: Project) -> None:
    content = project.recorded((key(0), reply("x")), (key(1), reply("y")), (key(2), reply("z")))
    today = datetime.now(UTC).date().isoformat().encode()
    dates = itertools.cycle([b"2026-01-03", b"2026-01-02", b"2026-01-01"])
    by_text = {text: next(dates) for text in (b'"x"', b'"y"', b'"z"')}
    lines = content.splitlines(keepends=True)
    project.cassette.write_bytes(
        lines[0] + b"".join(row.replace(today, next(d for t, d in by_text.items() if t in row)) for row in lines[1:])
    )
    replay = project.worker("replay")
    assert replay.oldest_used is None
    for number in (1, 0):
        replay.find(request(), key(number))
    assert replay.oldest_used == date(2026, 1, 2)


@pytest.mark.parametrize(
    "given", [{"data": object()}, {"data": float("nan")}, {"cost_usd": "much"}, {"latency_ms": -1.0}, {"cost_usd": -1}]
)
def test_a_reply_that_could_not_be_replayed_is_refused(project: Project, given: dict[str, Any]) -> None:
    worker = project.worker()
    with pytest.raises(LlmgateError, match="reply-not-recordable"):
        worker.keep(request(), key(), reply(**given))
    assert worker.find(request(), key()) is None


class KeyRedactor:
    """Replaces whatever begins like a key by a stand-in that begins like one too, and leaves that alone."""

    def redact(self, text: str) -> tuple[str, tuple[Redaction, ...]]:
        clean = re.sub(r"sk-(?!STAND)\w*", "sk-STAND", text)
        return clean, () if clean == text else (Redaction("api-key", 0, 8, "sk-STAND"),)


def test_a_secret_that_got_this_far_is_not_written(project: Project) -> None:
    worker = project.worker(redactor=KeyRedactor())
    for said in (reply("my sk-secret"), reply(data={"k": ["sk-secret"]}), reply(tool_calls=({"sk-": 1},))):
        with pytest.raises(LlmgateError, match=r"api-key.*cassette-secret") as caught:
            worker.keep(request(), key(), said)
        assert "sk-" not in str(caught.value)
    known = (Redaction("api-key", 3, 11, "sk-STAND"),)
    worker.keep(request(), key(), reply("my sk-STAND", redactions=known))
    assert project.merge() == 1
    assert b"secret" not in project.cassette.read_bytes()


_RECORDER = """
import sys
from pathlib import Path
from pytest_llmgate.store.cassette import JsonlCassette
from pytest_llmgate.store.cassette_merge import start_segment
from store_samples import key, reply, request
run, root = Path(sys.argv[1]), Path(sys.argv[2])
cassette = root / "support.cassette.jsonl"
worker = JsonlCassette(cassette, 7, "new", start_segment(run, root, cassette, "new", "gw0"))
for number in range(10**9):
    worker.keep(request(), key(number), reply(f"reply {number}"))
    print(number, flush=True)
"""


def test_replies_paid_before_a_kill_are_recovered(project: Project) -> None:
    with python(_RECORDER, project.run.path, project.root) as recorder:
        assert recorder.stdout is not None
        for _ in range(50):
            told = int(recorder.stdout.readline())
        recorder.kill()
    (segment,) = segment_paths(project.run.path)
    with open(segment, "ab") as file:
        file.write(b'{"key":"torn')
    with project.run.lock():
        assert recover(project.root) == []  # it might be at work
    assert recover(project.root, spare=project.run.path) == []
    assert recover(project.root) == [project.cassette]
    replay = project.worker("replay")
    for number in range(told + 1):
        found = replay.find(request(), key(number))
        assert found is not None and found.text == f"reply {number}"
    assert segment_paths(project.run.path) == []
    assert recover(project.root) == []


def test_a_resumed_run_finds_what_its_first_start_recorded(project: Project) -> None:
    project.worker("all", "gw3").keep(request(), key(), reply("first start"))
    again = project.worker("all", "gw3")
    again.keep(request(), key(), reply("second start"))
    found = again.find(request(), key())
    assert found is not None and found.text == "first start"


@pytest.mark.parametrize(
    "target", ["../outside.cassette.jsonl", "conftest.py", "/etc/x.cassette.jsonl", "no/folder/a.cassette.jsonl"]
)
def test_a_segment_cannot_choose_any_file_to_be_replaced(project: Project, target: str) -> None:
    segment = start_segment(project.run.path, project.root, project.cassette, "new", "gw0")
    worker = JsonlCassette(project.cassette, 7, "new", segment)
    worker.keep(request(), key(), reply())
    segment.write_text(segment.read_text().replace(NAME, target))
    outside = project.root.parent / "outside.cassette.jsonl"
    assert recover(project.root) == []
    assert not outside.exists() and not (project.root / target).exists()


_FULL = """
import resource, sys
from pathlib import Path
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store.cassette import JsonlCassette
from pytest_llmgate.store.cassette_merge import start_segment
from store_samples import key, reply, request
run, root = Path(sys.argv[1]), Path(sys.argv[2])
cassette = root / "support.cassette.jsonl"
worker = JsonlCassette(cassette, 7, "new", start_segment(run, root, cassette, "new", "gw0"))
worker.keep(request(), key(0), reply("fits"))
resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))
try:
    worker.keep(request(), key(1), reply("x" * 5000))
except LlmgateError as fault:
    print(fault.problems[0].code)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
worker.keep(request(), key(2), reply("fits again"))
"""


def test_a_full_disk_is_told_and_tears_no_line(project: Project) -> None:
    pytest.importorskip("resource")
    with python(_FULL, project.run.path, project.root) as recorder:
        out, err = recorder.communicate(timeout=60)
    assert out.split() == [b"disk-full"], err
    assert project.merge() == 2
