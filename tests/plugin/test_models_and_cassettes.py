"""Models behind a server, and their recorded replies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_llmgate.core.reply import Request
from pytest_llmgate.providers.loopback import Fault, LoopbackServer, MockModels

from .conftest import Example, Ran, served


def mostly_good(request: Request) -> str:
    """A model as they are: nine of ten replies are good, and no two are alike."""
    return f"{'bad' if request.seed % 10 == 0 else 'good'} {request.seed}"


LOOSE = ", min_rate: 0.85, bad_rate: 0.6"


@pytest.fixture
def server(models: MockModels) -> LoopbackServer:
    return models.server(replies=mostly_good)


@pytest.fixture
def project(example: Example, server: LoopbackServer) -> Example:
    example.env("TEST_KEY", "sk-canary-of-the-key-0123456789abcdef")
    return example.files({"served.suite.yaml": served(server, rates=LOOSE)})


def judgement(ran: Ran) -> list[object]:
    """What was judged, trial by trial."""
    return [(row["case"], row["repeat"], row["verdicts"], row["reply"]) for row in ran.rows() if not row["overrun"]]


def test_what_was_recorded_is_replayed_without_a_call(project: Example, server: LoopbackServer) -> None:
    first = project.gate("--llm-concurrency=1")
    assert first.verdicts == {"asks": "pass"}, first.text
    paid = len(server.calls)
    assert paid == first.result["execution"]["billed"]["calls"]
    again = project.gate("--llm-concurrency=64", "--llm-record=replay")
    assert len(server.calls) == paid
    assert judgement(again) == judgement(first)
    assert again.judged["tests"][0]["gates"] == first.judged["tests"][0]["gates"]
    assert again.result["execution"]["billed"] == {
        "calls": 0,
        "input_tokens": None,
        "output_tokens": None,
        "cost_usd": "0",
    }
    assert (first.result["run"]["recorded_at"], first.result["run"]["record"]) == (None, "new")
    assert again.result["run"]["recorded_at"]


@pytest.mark.slow
@pytest.mark.parametrize(("record", "replay"), [
    (["--llm-concurrency=1"], ["-n2"]),
    (["-n2"], ["--llm-concurrency=1"]),
], ids=["alone-then-workers", "workers-then-alone"])  # fmt: skip
def test_workers_record_and_replay_the_same(
    project: Example, server: LoopbackServer, record: list[str], replay: list[str]
) -> None:
    suite = (project.path / "served.suite.yaml").read_text()
    other = suite.replace("suite: served", "suite: other").replace("question", "another question")
    project.files({"other.suite.yaml": other})
    first = project.gate(*record)
    paid = len(server.calls)
    again = project.gate(*replay, "--llm-record=replay")
    assert len(server.calls) == paid
    assert judgement(again) == judgement(first)
    assert again.judged == first.judged


def test_recorded_at_concurrency_64_and_replayed_one_by_one(project: Example, server: LoopbackServer) -> None:
    first = project.gate("--llm-concurrency=64")
    paid = len(server.calls)
    again = project.gate("--llm-concurrency=1", "--llm-record=replay")
    assert len(server.calls) == paid
    assert judgement(again) == judgement(first)


def test_a_reply_that_was_not_recorded_is_an_error_that_names_the_command(project: Example) -> None:
    ran = project.gate("--llm-record=replay")
    assert (ran.code, ran.verdicts) == (1, {"asks": "error"})
    assert "pytest --llm-suite served.suite.yaml --llm-record=new" in ran.gate("asks")["reason"]


def test_with_ci_set_nothing_goes_over_the_network(project: Example, server: LoopbackServer) -> None:
    project.env("CI", "1")
    ran = project.gate()
    assert ran.verdicts == {"asks": "error"}
    assert ran.result["run"]["record"] == "replay"
    assert server.calls == []


def test_a_changed_prompt_is_recorded_and_the_rest_is_replayed(project: Example, server: LoopbackServer) -> None:
    project.gate()
    paid = len(server.calls)
    cassette = (project.path / "served.cassette.jsonl").read_bytes()
    suite = (project.path / "served.suite.yaml").read_text()
    project.files({"served.suite.yaml": suite.replace("cases: [{vars: {q: 0}},", "cases: [{vars: {q: new}}, ")})
    project.gate()
    assert 0 < len(server.calls) - paid < paid
    assert (project.path / "served.cassette.jsonl").read_bytes() != cassette


def test_all_records_anew_and_drops_what_is_no_longer_asked(project: Example, server: LoopbackServer) -> None:
    project.gate("--llm-trials=40")
    paid = len(server.calls)
    ran = project.gate("--llm-record=all", "--llm-seed=5")
    assert len(server.calls) - paid == ran.result["execution"]["billed"]["calls"] > 0
    lines = (project.path / "served.cassette.jsonl").read_text().splitlines()
    assert len(lines) - 1 == ran.result["execution"]["billed"]["calls"]


def test_recording_one_test_anew_keeps_the_recordings_of_the_others(project: Example, server: LoopbackServer) -> None:
    suite = (project.path / "served.suite.yaml").read_text()
    project.files(
        {
            "served.suite.yaml": suite
            + """
  - id: other
    model: m
    prompt: {text: "something else"}
    cases: [{vars: {}}]
    assert: [{type: contains, value: good, min_rate: 0.85, bad_rate: 0.6}]
"""
        }
    )
    project.gate()
    project.gate("--llm-record=all", "-k", "other")
    paid = len(server.calls)
    assert project.gate("--llm-record=replay").verdicts == {"asks": "pass", "other": "pass"}
    assert len(server.calls) == paid


def test_live_neither_reads_nor_writes_a_cassette(project: Example, server: LoopbackServer) -> None:
    project.gate("--llm-record=live")
    paid = len(server.calls)
    assert not (project.path / "served.cassette.jsonl").exists()
    project.gate("--llm-record=live")
    assert len(server.calls) == 2 * paid


def test_a_body_replays_what_its_llm_said(project: Example, server: LoopbackServer) -> None:
    project.files(
        {
            "test_m.py": """
        import pytest
        pytestmark = pytest.mark.llm_suite("served.suite.yaml")
        @pytest.mark.stochastic(min_rate=0.85, bad_rate=0.6)
        def test_sync(llm, case): assert "good" in llm("ask", q="a").text
        @pytest.mark.stochastic(min_rate=0.85, bad_rate=0.6)
        async def test_two_calls(llm):
            first = await llm("ask", q="b")
            second = await llm("ask", q="b")
            assert first.text != second.text
    """
        }
    )
    first = project.gate("test_m.py")
    assert first.verdicts == {"test_sync": "pass", "test_two_calls": "pass"}, first.text
    paid = len(server.calls)
    again = project.gate("test_m.py", "--llm-record=replay")
    assert len(server.calls) == paid
    assert judgement(again) == judgement(first)


def test_deterministic_models_are_asked_once_a_case(project: Example, models: MockModels) -> None:
    same = models.server(replies=lambda request: f"good answer to {request.prompt}")
    project.files({"served.suite.yaml": served(same, cases=5, deterministic=True)})
    ran = project.gate()
    assert (ran.verdicts, len(same.calls)) == ({"asks": "pass"}, 5), ran.text
    assert ran.gate("asks")["stop_reason"] == "census"


def test_at_temperature_zero_equal_replies_are_seen_twice_and_then_a_census(
    project: Example, models: MockModels
) -> None:
    same = models.server(replies=lambda request: f"good answer to {request.prompt}")
    project.files({"served.suite.yaml": served(same, cases=5, params={"temperature": 0})})
    ran = project.gate()
    assert (ran.verdicts, len(same.calls)) == ({"asks": "pass"}, 10), ran.text
    assert ran.gate("asks")["stop_reason"] == "census"


# ---- secrets


def test_neither_the_key_nor_what_a_model_leaks_is_in_any_file(project: Example, models: MockModels) -> None:
    leaks = ("jane.roe@corp-example.com", "4111111111111111", "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0" * 2)
    server = models.server(replies=lambda request: f"good {request.seed} {' '.join(leaks)}")
    project.files({"served.suite.yaml": served(server)})
    first = project.gate("-rA")
    again = project.gate("-rA", "--llm-record=replay")
    assert first.verdicts == again.verdicts == {"asks": "pass"}
    assert judgement(first) == judgement(again), "replayed is judged as it was live"
    key = "sk-canary-of-the-key-0123456789abcdef"
    assert server.calls[0].headers["authorization"] == f"Bearer {key}"
    for canary in (*leaks, key):
        assert canary not in first.text + again.text
        assert not [path for path in files_of(project) if canary.encode() in path.read_bytes()]


def files_of(project: Example) -> list[Path]:
    return [path for path in project.path.rglob("*") if path.is_file()]


# ---- servers that misbehave


@pytest.mark.parametrize(("fault", "said"), [
    (Fault(body=b"this is no JSON", status=200), "JSON"),
    (Fault(body=json.dumps({"choices": []}), status=200), "no chat completion"),
    (Fault(half=True), "broke off"),
    (Fault(status=401), "401"),
    (Fault(status=404), "404"),
    (Fault(reset=True), "no reply"),
    (Fault(status=503), "503"),
    (Fault(status=429, retry_after=3600), "beyond the deadline"),
], ids=["no-json", "no-choices", "half-a-body", "401", "404", "resets", "503", "429-for-ever"])  # fmt: skip
def test_a_server_that_gives_no_reply_is_an_error(
    project: Example, models: MockModels, fault: Fault, said: str
) -> None:
    server = models.server(replies=lambda request: fault)
    project.files({"served.suite.yaml": served(server, max_retries=1, deadline_s=5)})
    ran = project.gate()
    assert (ran.code, ran.verdicts) == (1, {"asks": "error"}), ran.text
    assert said in ran.gate("asks")["reason"]
    assert not (project.path / "served.cassette.jsonl").exists(), "a fault is nothing to replay"


def test_a_storm_of_429_is_waited_out(project: Example, models: MockModels) -> None:
    server = models.server(replies=mostly_good, errors=[Fault(status=429, retry_after=0.05)] * 12)
    project.files({"served.suite.yaml": served(server, rates=LOOSE, max_retries=20)})
    ran = project.gate()
    assert ran.verdicts == {"asks": "pass"}, ran.text
    assert ran.test("asks")["holes"] == 0
    assert ran.result["execution"]["billed"]["calls"] == len(server.calls) - 12
    assert max(row["queued_ms"] for row in ran.rows()) >= 50
    assert ran.rows()[0]["latency_ms"] < ran.rows()[0]["queued_ms"] + 10_000


def test_a_reset_now_and_then_is_tried_again(project: Example, models: MockModels) -> None:
    server = models.server(replies=mostly_good, errors=[Fault(reset=True), Fault(status=500), Fault(status=502)])
    project.files({"served.suite.yaml": served(server, rates=LOOSE)})
    ran = project.gate()
    assert (ran.verdicts, ran.test("asks")["holes"]) == ({"asks": "pass"}, 0), ran.text


def test_a_server_that_is_not_there_is_an_error(project: Example, models: MockModels) -> None:
    server = models.server()
    server.close()
    project.files({"served.suite.yaml": served(server, max_retries=0)})
    assert project.gate().verdicts == {"asks": "error"}


def test_without_its_key_a_model_is_an_error_before_any_call(
    project: Example, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_KEY")
    ran = project.gate()
    assert ran.verdicts == {"asks": "error"}
    assert "TEST_KEY" in ran.gate("asks")["reason"]
    assert server.calls == []


# ---- money

PRICES = json.dumps({
    "schema": "llmgate.prices/1", "date": "2026-01-01", "note": "for tests",
    "models": {"gpt-test": {"input": "1000", "output": "1000", "max_output_tokens": 10, "source": "tests"}},
})  # fmt: skip


def spent(server: LoopbackServer) -> float:
    """What the server billed: it counts words as tokens, at 1,000 USD a million."""
    return sum(len(str(call.messages[0]["content"]).split()) + 2 for call in server.calls) / 1000


@pytest.mark.parametrize("workers", [[], pytest.param(["-n2"], marks=pytest.mark.slow)], ids=["alone", "workers"])
def test_a_budget_is_never_overshot_and_leaves_gates_undecided(
    project: Example, server: LoopbackServer, workers: list[str]
) -> None:
    suite = served(server, rates=LOOSE, params={"max_tokens": 10})
    project.files({"served.suite.yaml": suite, "prices.json": PRICES})
    project.files({"other.suite.yaml": suite.replace("question", "another")})
    ran = project.gate("--llm-prices=prices.json", "--llm-budget=0.20", *workers)
    assert ran.code == 1
    assert ran.result["verdict"] == "inconclusive", ran.text
    assert "budget" in {test["gates"][0]["stop_reason"] for test in ran.result["tests"]}
    assert all(test["holes"] == 0 for test in ran.result["tests"])
    assert 0 < float(ran.result["execution"]["billed"]["cost_usd"]) <= 0.20
    assert ran.result["run"]["interrupted"] is True


def test_a_model_without_a_price_is_not_covered_and_the_summary_says_so(project: Example) -> None:
    ran = project.gate("--llm-budget=0.01")
    assert ran.verdicts == {"asks": "pass"}
    assert ran.result["execution"]["unpriced_models"] == ["gpt-test"]
    assert "gpt-test" in ran.text
    assert ran.result["totals"]["cost_usd"] is None, "unpriced is never $0"


def test_a_cost_gate_on_a_model_without_a_price_is_an_error_before_any_call(
    project: Example, server: LoopbackServer
) -> None:
    suite = (project.path / "served.suite.yaml").read_text()
    project.files({"served.suite.yaml": suite + "      - {type: cost, max_usd: 0.01}\n"})
    ran = project.gate()
    assert ran.result["verdict"] == "error" if ran.code == 1 else ran.code == 2
    assert server.calls == []


def test_a_damaged_cassette_is_an_error_with_its_line_before_any_call(project: Example, server: LoopbackServer) -> None:
    project.gate()
    paid = len(server.calls)
    cassette = project.path / "served.cassette.jsonl"
    lines = cassette.read_text().splitlines()
    lines[2] = lines[2][:40]
    cassette.write_text("\n".join(lines) + "\n")
    damaged = cassette.read_bytes()
    for mode in ("new", "replay"):
        ran = project.gate(f"--llm-record={mode}")
        assert ran.verdicts == {"asks": "error"}, ran.text
        assert "served.cassette.jsonl:3: " in ran.gate("asks")["reason"]
    assert len(server.calls) == paid
    assert cassette.read_bytes() == damaged, "nothing recorded is lost"


def test_a_cassette_that_cannot_be_written_loses_no_verdict_but_is_no_success(
    project: Example, server: LoopbackServer
) -> None:
    project.files(
        {
            "models.py": """
        import pathlib
        def spoil(): pathlib.Path("served.cassette.jsonl").write_text("<<<<<<< ours\\n"); return "good"
    """
        }
    )
    suite = (project.path / "served.suite.yaml").read_text()
    project.files(
        {
            "served.suite.yaml": suite,
            "a.suite.yaml": """
        suite: a
        tests: [{id: spoils, function: "models.py:spoil", cases: [{vars: {}}], assert: [{type: contains, value: good}]}]
    """,
        }
    )
    project.gate("served.suite.yaml", "--llm-trials=20")
    ran = project.gate("served.suite.yaml", "a.suite.yaml", "--llm-seed=5")
    assert ran.code != 0
    assert "served.cassette.jsonl:1: " in ran.text
    assert ran.verdicts["spoils"] == "pass"
    assert [path for path in ran.folder.iterdir() if path.name.startswith("cassette-")], "what was paid is still there"
