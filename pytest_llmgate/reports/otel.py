"""Sends a run's spans and metrics by OTLP, with OpenTelemetry's SDK, which is imported here and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from itertools import batched, count, tee
from typing import Any

from pytest_llmgate.core.errors import problem
from pytest_llmgate.reports import semconv
from pytest_llmgate.reports.asked import Asked
from pytest_llmgate.reports.spans import Span, run_span, started_ns
