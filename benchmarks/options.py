"""What a run of the benchmarks was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """quick: fewer rounds and runs. bare: an environment with pytest alone, made where None. clean: one with this
    package and its dependencies alone; None: the running one, with other pytest plugins switched off. mock: the
    script of another mock server, taking `--port` and `--latency-ms`, to measure with as well. peers: an environment
    with other packages that test circuits."""

    quick: bool = False
    bare: Path | None = None
    clean: Path | None = None
    mock: Path | None = None
    peers: Path | None = None
