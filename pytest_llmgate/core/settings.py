"""The options of a run after all layers: command line, profile, suite, pyproject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

RecordMode = Literal["live", "new", "replay", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Options of a run; None where no layer says anything.

    root: the directory that files stay under (pytest's rootdir). models: alias → target of `--llm-model`.
    budget: USD. defaults: `models`, `prompts`, `defaults` tables of `[tool.llmgate]`, for modules without a suite.
    report: reports that are written although nothing else switches them on.
    redaction: `[tool.llmgate.redaction]`, as it is written.
    opt_out: field of a case, such as `vars.tenant_opt_out`, that says that its replies are not kept. transcripts: of
    trials in which nothing is wrong, one in so many keeps its text.
    workers: xdist workers that share the run; worker: this process's name (`main`, `gw0`, …).
    """

    root: Path
    results: Path | None = None
    seed: int | None = None
    trials: int | None = None
    concurrency: int = 16
    models: Mapping[str, str] = field(default_factory=dict)
    record: RecordMode = "new"
    budget: Decimal | None = None
    profile: str | None = None
    baseline: Literal["check", "propose"] = "check"
    inconclusive: Literal["fail", "warn"] = "fail"
    resume: bool = False
    prices: Path | None = None
    report: tuple[str, ...] = ()
    suites: tuple[str, ...] = ("suites",)
    opt_out: str | None = None
    transcripts: int = 1
    defaults: Mapping[str, Any] = field(default_factory=dict)
    redaction: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    worker: str = "main"
