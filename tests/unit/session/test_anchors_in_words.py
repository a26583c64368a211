"""An anchor that moved, in words: from what to what, and whether that loosens its gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_llmgate.core.baseline_key import ANCHOR
from pytest_llmgate.core.compared import Figures, ReplyBaseline
from pytest_llmgate.session.baseline_words import lines
from pytest_llmgate.session.reply_words import anchor_moved, loosens
from pytest_llmgate.store.accepting import Change


def entry(kind: Figures, of: str | None = None, **figures: int) -> ReplyBaseline:
    parameters = {} if of is None else {"of": of}
    return ReplyBaseline(
        test="a.suite.yaml::t", gate="g", arm=ANCHOR, kind=kind, figures=figures, digests={}, parameters=parameters
    )


def quality(passed: int) -> ReplyBaseline:
    return entry("quality", passed=passed, n=100)


def usage(total: int, of: str = "output_tokens") -> ReplyBaseline:
    return entry("usage", of, n=100, total=total)


def latency(p95: int) -> ReplyBaseline:
    return entry("latency", "p95", n=100, p50_us=100, p95_us=p95, p99_us=p95)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (usage(16_880), usage(18_920), "168.8 → 189.2 output tokens (+12.1 %)"),
        (usage(100_000, "cost"), usage(120_000, "cost"), "0.001000 → 0.001200 USD (+20.0 %)"),
        (usage(0), usage(100), "0.0 → 1.0 output tokens"),
        (quality(97), quality(95), "97 % → 95 % good (-2.00 points)"),
        (latency(480_000), latency(576_000), "p95 480 → 576 ms (+20.0 %)"),
    ],
)
def test_an_anchor_that_moved_to_what_is_easier_to_keep_loosens(
    old: ReplyBaseline, new: ReplyBaseline, said: str
) -> None:
    assert anchor_moved(old, new) == f"anchor moved: {said}"
    assert loosens(old, new)
    assert not loosens(new, old)
    assert not loosens(old, old)


def test_figures_of_another_measure_are_no_tighter_ones() -> None:
    assert loosens(usage(100), usage(50, "input_tokens"))
    assert "1.0 output tokens" in anchor_moved(usage(100), usage(50, "input_tokens"))


def change(old: Any, new: Any) -> Change:
    return Change(old.key, old, replace(new, reason="release 1.1", author="Ada"))


def test_what_loosens_comes_first_and_is_counted_so_and_what_tightens_is_said_too() -> None:
    first, *rest = lines("accepted", [change(quality(90), quality(95)), change(usage(100), usage(150))], ["min_rate"])
    assert first == "accepted: 2 loosened, 1 anchor moved"
    assert rest == [
        "",
        "loosened: a.suite.yaml::t, g: anchor moved: 1.0 → 1.5 output tokens (+50.0 %)",
        "  accepted by Ada: release 1.1",
        "",
        "loosened: min_rate",
        "",
        "a.suite.yaml::t, g: anchor moved: 90 % → 95 % good (+5.00 points)",
        "  accepted by Ada: release 1.1",
    ]
