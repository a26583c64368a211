"""A run's figures in the hands of those who read them: Prometheus itself, and a collector of OpenTelemetry."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import opentelemetry.exporter.otlp.proto.http.metric_exporter
import opentelemetry.exporter.otlp.proto.http.trace_exporter
import opentelemetry.sdk.metrics.export
import opentelemetry.sdk.trace.export.in_memory_span_exporter
import pytest
import requests
from click.testing import CliRunner, Result
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pytest_llmgate.cli.commands import cli

from .conftest import Example, Ran, wait_for

# Kept between runs in this process, as in conftest.py: pytester would forget them, and import them twice.
_KEPT = (opentelemetry.exporter, opentelemetry.sdk, requests)

_PROJECT = {
    "suites/models.py": """
        from pytest_llmgate import Reply

        def reply(request):
            if request.seed % 10 == 0:
                raise ConnectionError("my secret words")
            text = "my secret words" if request.seed % 7 == 0 else "Paris"
            return Reply(text, input_tokens=12, output_tokens=2, cost_usd="0.0001", latency_ms=250.0)
    """,
    "suites/a.suite.yaml": """
        suite: support-bot
        models:
          scripted: {provider: python, target: "models.py:reply"}
        prompts:
          ask: {text: "Capital of {{ c }}?"}
        tests:
          - id: capital
            model: scripted
            prompt: ask
            trials: 40
            max_errors: 0.5
            cases: [{id: fr, vars: {c: France}, context: The capital of France is Paris.}]
            assert:
              - {type: contains, value: Paris, rule: fixed, min_rate: 0.6, bad_rate: 0.2}
              - {type: grounded, sources: context, severity: info, rule: fixed, min_rate: 0.5, bad_rate: 0.1}
    """,
}


def _report(*options: str) -> Result:
    return CliRunner().invoke(cli, ["report", *options])


def _ran(example: Example) -> Ran:
    ran = example.files(_PROJECT).gate()
    assert ran.test("capital")["trials"] == 40
    return ran


# ---- Prometheus


def _served(text: bytes, kind: str) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_metrics_prom_is_written_again_with_the_same_bytes_and_passes_promtool(example: Example, promtool: str) -> None:
    ran = _ran(example)
    assert _report("--only", "prometheus").output.strip() == str(ran.folder / "metrics.prom")
    text = (ran.folder / "metrics.prom").read_bytes()
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"secret" not in text
    assert _report("--only", "prometheus").exit_code == 0
    assert (ran.folder / "metrics.prom").read_bytes() == text


def test_prometheus_scrapes_what_result_json_says(example: Example, promtool: str, tmp_path: Path) -> None:
    """A server of Prometheus reads the file over HTTP and answers questions about it."""
    program = shutil.which("prometheus")
    assert program is not None, f"{promtool} comes with it"
    ran = _ran(example)
    assert _report("--only", "prometheus").exit_code == 0
    target = _served((ran.folder / "metrics.prom").read_bytes(), "text/plain; version=0.0.4")
    jobs = {"job_name": "llmgate", "static_configs": [{"targets": [f"127.0.0.1:{target.server_port}"]}]}
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [jobs]}
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))
    port = _free_port()
    command = [
        program, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def asked(query: str) -> dict[str, float]:
        """Values by verdict, or under an empty name."""
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': query})}", timeout=5) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            return {}
        return {one["metric"].get("verdict", ""): float(one["value"][1]) for one in found}

    try:
        wait_for(lambda: asked("llmgate_run_verdict"), "a scrape")
        totals, billed = ran.result["totals"], ran.result["execution"]["billed"]
        assert asked("llmgate_run_verdict") == {ran.result["verdict"]: 1}
        assert asked("sum(llm_requests_total)") == {"": totals["calls"]}
        assert asked('sum(llm_tokens_requested_total{type="input"})') == {"": totals["input_tokens"]}
        assert asked('sum(llm_tokens_billed_total{type="output"})') == {"": billed["output_tokens"]}
        assert asked("sum(llm_cost_estimate_usd_total)") == {"": pytest.approx(float(billed["cost_usd"]))}
        assert asked("sum(llmgate_trial_errors_total)") == {"": ran.test("capital")["holes"]}
        p95 = asked("histogram_quantile(0.95, sum by (le) (llm_request_latency_seconds_bucket))")[""]
        assert 0.1 <= p95 <= 0.25
        assert 0 < asked("avg(llm_hallucination_score)")[""] < 1
    finally:
        server.terminate()
        server.wait()
        target.shutdown()
        target.server_close()


def test_a_run_that_did_not_finish_has_no_metrics(example: Example) -> None:
    ran = _ran(example)
    (ran.folder / "result.json").unlink()
    done = _report("--only", "prometheus")
    assert done.exit_code == 2
    assert "was not finished" in done.output
    assert not (ran.folder / "metrics.prom").exists()


# ---- OpenTelemetry


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP. status: what it answers."""

    status = 200

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.metrics: list[Any] = []
        self.bodies = b""
        super().__init__(("127.0.0.1", 0), _Takes)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Takes(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies += body
        if self.path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        elif self.path == "/v1/metrics":
            for measured in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.server.metrics += [metric for scope in measured.scope_metrics for metric in scope.metrics]
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_run_is_one_trace_of_tests_and_trials(example: Example, collector: Collector) -> None:
    ran = _ran(example)
    example.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    assert _report("--only", "otel").output == "otel: 42 spans sent\n"
    by_parent: dict[bytes, list[Any]] = {}
    for span in collector.spans:
        by_parent.setdefault(span.parent_span_id, []).append(span)
    (root,) = by_parent[b""]
    (test,) = by_parent[root.span_id]
    trials = by_parent[test.span_id]
    assert (root.name, test.name, len(trials)) == ("llmgate run", f"test {ran.test('capital')['id']}", 40)
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    assert {span.name for span in trials} == {"chat models.py:reply"}
    answered = [span for span in trials if span.status.code == 0]
    assert len(answered) == 40 - ran.test("capital")["holes"]
    assert {span.end_time_unix_nano - span.start_time_unix_nano for span in answered} == {250_000_000}
    assert b"secret" not in collector.bodies
    assert b"France" not in collector.bodies


def test_where_a_collector_is_named_each_run_sends_itself(example: Example, collector: Collector) -> None:
    example.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    ran = _ran(example)
    assert (ran.code, len(collector.spans)) == (0, 42)
    assert "otel: 42 spans sent" in ran.text


def test_a_collector_that_refuses_is_a_warning_of_the_run(example: Example, collector: Collector) -> None:
    example.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    collector.status = 400
    ran = _ran(example)
    assert (ran.code, ran.result["verdict"]) == (0, "pass")
    assert "the collector did not take the spans" in " ".join(ran.text.split())


def test_sent_twice_it_is_the_same_trace(example: Example, collector: Collector) -> None:
    _ran(example)
    example.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    assert [_report("--only", "otel").exit_code, _report("--only", "otel").exit_code] == [0, 0]
    assert len(collector.spans) == 84
    assert len({(span.trace_id, span.span_id) for span in collector.spans}) == 42


def test_metrics_have_the_names_of_the_conventions(example: Example, collector: Collector) -> None:
    ran = _ran(example)
    example.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    assert _report("--only", "otel").exit_code == 0
    found = {metric.name: metric.histogram.data_points for metric in collector.metrics}
    assert set(found) == {"gen_ai.client.token.usage", "gen_ai.client.operation.duration"}
    tokens = sum(point.sum for point in found["gen_ai.client.token.usage"])
    billed = ran.result["execution"]["billed"]
    assert tokens == billed["input_tokens"] + billed["output_tokens"]
    names = {attribute.key for attribute in found["gen_ai.client.token.usage"][0].attributes}
    assert names == {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.token.type"}


def test_only_the_signal_that_has_an_address_is_sent(example: Example, collector: Collector) -> None:
    _ran(example)
    example.env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{collector.url}/v1/metrics")
    assert _report("--only", "otel").output == "otel: 0 spans sent\n"
    assert (collector.spans, len(collector.metrics)) == ([], 2)


def test_without_an_address_nothing_is_sent(example: Example) -> None:
    _ran(example)
    done = _report("--only", "otel")
    assert done.exit_code == 2
    assert "[otel-endpoint]" in done.output


def test_a_collector_that_refuses_is_told_and_changes_nothing(example: Example, collector: Collector) -> None:
    ran = _ran(example)
    example.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    before = (ran.folder / "result.json").read_bytes()
    collector.status = 400
    done = _report("--only", "otel")
    assert done.exit_code == 2
    assert "[otel-export]" in done.output
    assert (ran.folder / "result.json").read_bytes() == before


def test_without_the_extra_the_message_says_what_to_install(
    example: Example, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ran(example)
    example.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    done = _report("--only", "otel")
    assert done.exit_code == 2
    assert "pip install 'pytest-llmgate[otel]'" in done.output
    assert collector.bodies == b""
