"""A journal loses nothing that was completed, and never hides that it could not write."""

from __future__ import annotations

import json
import signal
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_samples import TEST, USAGE, python, record

from pytest_llmgate.core.codec import text_digest
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.record import TrialRecord, record_from_row
from pytest_llmgate.core.reply import Usage
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.store.journal import Journal, Recorded
from pytest_llmgate.store.merge import merge_tests
from pytest_llmgate.store.rundir import RunDir


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir.create(tmp_path)


def test_rows_come_back_as_they_were_written_in_the_order_of_their_index(run: RunDir) -> None:
    journal = Journal(run, "main")
    for index in (2, 0, 3, 1):
        journal.append(record(index, f"reply {index}"), f"reply {index}")
    journal.close()
    seen = Recorded(run)
    rows = list(seen.rows(TEST))
    assert [row["index"] for row in rows] == [0, 1, 2, 3]
    assert [record_from_row(row, row["index"] % 5) for row in rows] == [record(i, f"reply {i}") for i in range(4)]
    assert seen.tests == (TEST,)
    assert seen.get(TEST, 4) is None
    assert seen.get("another test", 0) is None
    assert list(seen.rows("another test")) == []


def test_a_reply_is_written_once_with_what_belongs_to_it(run: RunDir) -> None:
    journal = Journal(run, "gw0")
    for index in range(3):
        journal.append(record(index, "same"), "same", {"data": {"x": float("nan")}, "tool_calls": [{"name": "f"}]})
    journal.append(record(3), None)
    journal.close()
    assert (run.path / "transcripts.gw0.jsonl").read_bytes().count(b"\n") == 1
    seen = Recorded(run)
    row = seen.transcript(text_digest("same"))
    assert row == {"digest": text_digest("same"), "text": "same", "data": {"x": None}, "tool_calls": [{"name": "f"}]}
    assert seen.transcript(text_digest("never said")) is None


def test_a_question_for_something_that_is_no_digest_says_where_digests_are(run: RunDir) -> None:
    with pytest.raises(LlmgateError, match=r"trials\.jsonl.*bad-digest"):
        Recorded(run).transcript("no digest")


@given(
    test=st.text(),
    case=st.text(),
    verdicts=st.dictionaries(st.text(), st.sampled_from([True, False, None]), max_size=3),
    scores=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 9), max_size=2),
    cost=st.none() | st.decimals(0, 100, places=9),
    count=st.none() | st.integers(0, 1 << 40),
    error=st.none() | st.text(),
)
def test_a_line_is_what_json_would_make_of_the_row(
    test: str,
    case: str,
    verdicts: dict[str, bool | None],
    scores: dict[str, float],
    cost: Decimal | None,
    count: int | None,
    error: str | None,
) -> None:
    written = TrialRecord(
        test=test, case=case, trial=Trial(3, 0, 3, 5), verdicts=verdicts, scores=scores, error=error, fatal=bool(error),
        usage=Usage(1, count, None, cost), latency_ms=0.1,
    )  # fmt: skip
    line = written.to_line()
    row = json.loads(line)
    assert record_from_row(row, 0) == written
    assert json.dumps(row, ensure_ascii=False, separators=(",", ":")) == line


def test_a_number_that_is_none_is_written_as_unknown() -> None:
    line = record(0, scores={"risk": float("nan")}, latency_ms=float("inf")).to_line()
    assert '"scores":{"risk":null}' in line and '"latency_ms":null' in line


def test_hostile_ids_and_texts_survive(run: RunDir) -> None:
    test, text = 'a","case":"b","index":7,\n\udc80\u2028', 'x\n"index":1\x00\udcff'
    journal = Journal(run, "main")
    journal.append(record(0, text, test=test, error='","index":9,"overrun":true}\n'), text)
    journal.append(record(1, text, test=test), text)
    journal.close()
    seen = Recorded(run)
    assert [row["index"] for row in seen.rows(test)] == [0, 1]
    transcript = seen.transcript(text_digest(text))
    assert transcript is not None and transcript["text"] == text


def test_a_torn_last_line_is_left_out_and_counted(run: RunDir) -> None:
    journal = Journal(run, "main")
    for index in range(3):
        journal.append(record(index, "text"), "text")
    journal.close()
    path = run.path / "trials.main.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    seen = Recorded(run)
    assert [row["index"] for row in seen.rows(TEST)] == [0, 1]
    assert seen.torn == 1


def test_an_index_beyond_all_reason_takes_no_memory(run: RunDir) -> None:
    line = record(0).to_line().replace('"index":0', '"index":99999999999')
    (run.path / "trials.main.jsonl").write_text(record(0).to_line() + "\n" + line + "\n")
    seen = Recorded(run)
    assert [row["index"] for row in seen.rows(TEST)] == [0]
    assert seen.torn == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"seed":1', '"seed":"one"'),
        ('"is-json":true', '"is-json":"yes"'),
        ('"calls"', '"calls_"'),
        ('"repeat":0', '"repeat":'),
    ],
)
def test_a_row_that_is_not_that_of_a_trial_is_an_error(run: RunDir, old: str, new: str) -> None:
    line = record(1).to_line()
    assert old in line
    (run.path / "trials.main.jsonl").write_text(line.replace(old, new) + "\n")
    seen = Recorded(run)
    if not seen.tests:
        assert seen.torn == 1
        return
    with pytest.raises(LlmgateError, match=r"trials\.main\.jsonl.*run-damaged"):
        seen.get(TEST, 1)


def test_the_first_of_two_rows_of_a_trial_counts_also_after_a_restart(run: RunDir) -> None:
    for start in range(3):
        journal = Journal(run, "gw0")
        journal.append(record(0, latency_ms=float(start)), None)
        journal.append(record(start + 1), None)
        journal.close()
    names = {path.name for path in run.path.glob("trials.*.jsonl")}
    assert names == {"trials.gw0.jsonl", "trials.gw0.2.jsonl", "trials.gw0.3.jsonl"}
    rows = list(Recorded(run).rows(TEST))
    assert [row["index"] for row in rows] == [0, 1, 2, 3]
    assert rows[0]["latency_ms"] == 0.0


_WRITER = """
import sys
from pathlib import Path
from pytest_llmgate.store.journal import Journal
from pytest_llmgate.store.rundir import RunDir
from store_samples import record
journal = Journal(RunDir(Path(sys.argv[1]), "x"), "gw0")
for index in range(10**9):
    journal.append(record(index, f"reply {index}"), f"reply {index}")
    print(index, flush=True)
"""


def test_kill_9_loses_no_completed_trial(run: RunDir) -> None:
    with python(_WRITER, run.path) as writer:
        assert writer.stdout is not None
        for _ in range(500):
            told = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in writer.stdout if line.endswith(b"\n"))])
    seen = Recorded(run)
    rows = list(seen.rows(TEST))
    assert [row["index"] for row in rows] == list(range(len(rows)))
    assert len(rows) > told
    for row in rows:
        transcript = seen.transcript(row["reply"])
        assert transcript is not None and transcript["text"] == f"reply {row['index']}"


_FULL = """
import resource, sys
from pathlib import Path
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store.journal import Journal
from pytest_llmgate.store.rundir import RunDir
from store_samples import record
journal = Journal(RunDir(Path(sys.argv[1]), "x"), "gw0")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
codes = []
for index in range(20):
    try:
        journal.append(record(index), None)
        codes.append("ok")
    except LlmgateError as fault:
        codes.append(fault.problems[0].code)
print(*codes)
"""


def test_a_full_disk_is_an_error_from_then_on_and_the_rest_stays_readable(run: RunDir) -> None:
    pytest.importorskip("resource")
    with python(_FULL, run.path) as writer:
        out, err = writer.communicate(timeout=60)
    codes = out.decode().split()
    kept = codes.count("ok")
    assert 0 < kept < 20, err
    assert codes == ["ok"] * kept + ["disk-full"] * (20 - kept)
    assert [row["index"] for row in Recorded(run).rows(TEST)] == list(range(kept))


def test_threads_may_write_at_once(run: RunDir) -> None:
    journal = Journal(run, "main")

    def write(first: int) -> None:
        for index in range(first, 400, 4):
            journal.append(record(index, f"r{index % 7}"), f"r{index % 7}")

    threads = [threading.Thread(target=write, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert [row["index"] for row in Recorded(run).rows(TEST)] == list(range(400))
    assert (run.path / "transcripts.main.jsonl").read_bytes().count(b"\n") == 7


def test_verdicts_of_tests_from_all_workers_and_the_last_of_each(run: RunDir) -> None:
    for worker, row in [("gw0", {"id": "a", "n": 1}), ("gw1", {"id": "b", "n": 2}), ("gw0", {"id": "a", "n": 3})]:
        journal = Journal(run, worker)
        journal.test_done(row)
        journal.close()
    with open(run.path / "tests.gw1.jsonl", "ab") as file:
        file.write(b'{"id": "torn')
    assert merge_tests(run) == [{"id": "a", "n": 3}, {"id": "b", "n": 2}]


@pytest.mark.parametrize("worker", ["", "../x", "a.b", "gw 0"])
def test_a_worker_is_not_a_path(run: RunDir, worker: str) -> None:
    with pytest.raises(ValueError, match="worker's name"):
        Journal(run, worker)


def test_usage_is_kept(run: RunDir) -> None:
    journal = Journal(run, "main")
    journal.append(record(0), None)
    journal.close()
    row = Recorded(run).get(TEST, 0)
    assert row is not None
    assert row["usage"] == {"calls": 1, "input_tokens": 12, "output_tokens": 4, "cost_usd": str(USAGE.cost_usd)}
