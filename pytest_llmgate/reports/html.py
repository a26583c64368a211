"""`report.html`: one file without script, links or outside resources, safe to open whatever a model said."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import escape

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.reports import words
from pytest_llmgate.reports.bar import bar_of
from pytest_llmgate.reports.circuit_page import Pictures, notes
from pytest_llmgate.reports.escape import clipped, visible

REPLIES_PER_GATE = 10
REPLY_SIZE = 4096  # characters of one failing reply
PAGE_SIZE = 1_500_000  # characters of all failing replies together, as they stand in the page
TESTS = 2000  # the worst first
_PAGE = "report.html.j2"

Transcripts = Callable[[str], str | None]


class HtmlReport:
    """The report `html`: the page for reviewers, of every run."""

    def active(self, environ: Mapping[str, str]) -> bool:
        return True

    def render(self, result: Mapping[str, Any], view: RunView) -> Rendered:
        return Rendered(files={"report.html": render_html(result, view.said)})


def render_html(result: Mapping[str, Any], transcripts: Transcripts) -> str:
    """The page of a run; the same result gives the same bytes.

    result: as in `result.json`. transcripts: the redacted text of a reply's digest, None where there is none.
    """
    folder = files("pytest_llmgate.reports") / "templates"
    style = (folder / "report.css").read_text(encoding="utf-8")
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in (_PAGE, "circuits.html.j2")}
    sandbox = Environment(
        loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    sandbox.finalize = _shown
    template = sandbox.get_template(_PAGE)
    digest = b64encode(sha256(style.encode("utf-8")).digest()).decode("ascii")
    return template.render(_page(result, transcripts), style=style, style_digest=digest)


def _shown(value: Any) -> Any:
    """What is printed, with hidden characters made visible; `Markup` of our own stays what it is."""
    return visible(value, keep="\n\t") if type(value) is str else value


def _page(result: Mapping[str, Any], transcripts: Transcripts) -> dict[str, Any]:
    replies, pictures = _Replies(transcripts), Pictures()
    worst_first = sorted(result["tests"], key=lambda test: -Outcome(test["verdict"]).rank)
    tests = [_test(test, replies, pictures) for test in worst_first[:TESTS]]
    return {
        "verdict": result["verdict"],
        "headline": words.headline(result),
        "tests": tests,
        "tests_dropped": len(worst_first) - len(tests),
        "replies_dropped": replies.dropped,
        "pictures_dropped": pictures.dropped,
        "circuits": any(test["circuit"] for test in tests),
        "spent": words.spent_in_all(result),
        "provenance": words.provenance(result),
        "facts": list(_facts(result)),
    }


def _test(test: Mapping[str, Any], replies: _Replies, pictures: Pictures) -> dict[str, Any]:
    failing: Sequence[Mapping[str, Any]] = test.get("failing", ())
    return {
        "id": test["id"],
        "verdict": test["verdict"],
        "spent": words.spent_by(test),
        "circuit": pictures.circuit(test),
        "gates": [
            {
                **_gate(gate, [row for row in failing if row["gate"] == gate["name"]], replies),
                "of_shots": pictures.gate(gate),
            }
            for gate in test["gates"]
        ],
        "problems": [clipped(sentence, REPLY_SIZE) for sentence in test.get("problems", ())],
        "warnings": [clipped(sentence, REPLY_SIZE) for sentence in test.get("warnings", ())],
    }


def _gate(gate: Mapping[str, Any], failing: Sequence[Mapping[str, Any]], replies: _Replies) -> dict[str, Any]:
    return {
        "name": gate["name"],
        "type": gate["type"],
        "verdict": gate["verdict"],
        "reason": gate["reason"],
        "notes": [*filter(None, [words.standing(gate)]), *notes(gate)],
        "measured": words.measured(gate),
        "rates": words.rates(gate),
        "bar": bar_of(gate),
        "fields": list(_fields(gate)),
        "replies": [replies.view(row) for row in failing[:REPLIES_PER_GATE]],
    }


def _fields(gate: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Path, agreeing replies and rate of every field of structured replies, the worst first."""
    for path, row in ((gate.get("figures") or {}).get("fields") or {}).items():
        yield path, f"{row['good']:,} of {row['n']:,}", words.percent(row["good"] / row["n"])


class _Replies:
    """Looks up failing replies while the page has room for them."""

    def __init__(self, transcripts: Transcripts) -> None:
        self._transcripts = transcripts
        self._room = PAGE_SIZE
        self.dropped = 0

    def view(self, row: Mapping[str, Any]) -> dict[str, Any]:
        text = row.get("text")
        if text is None and row.get("reply"):
            text = self._transcripts(row["reply"])
        if text is not None:
            text = clipped(visible(text, keep="\n\t"), REPLY_SIZE)
            size = len(escape(text))
            if size > self._room:
                self.dropped += 1
                text = None
            else:
                self._room -= size
        place = f"case {row['case']}, repeat {row['repeat']}, trial {row['index']}"
        return {"place": place, "reason": clipped(row.get("reason") or "", REPLY_SIZE), "text": text}


def _facts(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a reviewer needs to find this run again."""
    run, execution = result["run"], result["execution"]
    names = {"id": "run", "commit": "commit", "seed": "seed", "plan_digest": "plan", "record": "record mode"}
    for key, name in names.items():
        if run.get(key) is not None:
            yield name, f"{run[key]}{' (with uncommitted changes)' if key == 'commit' and run.get('dirty') else ''}"
    if run.get("recorded_at"):
        yield "replies recorded", str(run["recorded_at"])
    if run.get("versions"):
        yield "versions", ", ".join(f"{name} {version}" for name, version in sorted(run["versions"].items()))
    if words.replaced(result["totals"].get("redactions")):
        yield "replaced in replies", words.replaced(result["totals"]["redactions"])
    if execution.get("wall_s") is not None:
        yield "sampling took", f"{execution['wall_s']:,} s"
    if execution.get("overrun_trials"):
        yield "not counted", f"{words.counted(execution['overrun_trials'], 'trial')} in flight when the gates decided"
