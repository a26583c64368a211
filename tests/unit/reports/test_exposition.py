"""The text format: what is written is what Prometheus's own client reads."""

from __future__ import annotations

import math
import subprocess
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from report_samples import HOSTILE

from pytest_llmgate.reports.exposition import Family, exposition, histogram, labels

_ANY = st.text(st.characters(), max_size=40)


def _read(text: str) -> list[tuple[str, dict[str, str], float]]:
    return [(s.name, s.labels, s.value) for family in text_string_to_metric_families(text) for s in family.samples]


@given(st.lists(_ANY, min_size=1, max_size=6, unique=True))
def test_two_different_texts_never_become_one_series(values: list[str]) -> None:
    """One duplicate would make Prometheus refuse the whole file; lone surrogates must not stop the writing either."""
    family = Family("m", "gauge", "A meaning.")
    for number, value in enumerate(values):
        family.put(labels(a=value), number)
    text = exposition([family])
    found = _read(text.encode().decode())
    assert sorted(value for _, _, value in found) == list(range(len(values)))
    assert len({of["a"] for _, of, _ in found}) == len(values)
    assert text.count("\n") == 2 + len(values)


def test_hostile_text_stays_within_its_label(promtool: str) -> None:
    family = Family("m", "gauge", "A meaning.")
    family.put(labels(a=f'{HOSTILE}"}} 1\nforged 1', b="\\"), 1)
    text = exposition([family])
    assert [name for name, _, _ in _read(text)] == ["m"]
    assert all(line.startswith(("# HELP m ", "# TYPE m ", "m{")) for line in text.splitlines())
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("value", [None, True, math.nan, math.inf, -1, "abc", "NaN", [1], {}])
def test_what_was_not_measured_is_absent(value: object) -> None:
    family = Family("m", "gauge", "A meaning.")
    family.put((), value)
    family.add((), value)
    family.observe((), value)
    assert exposition([family]) == ""


def test_money_is_added_up_exactly() -> None:
    family = Family("usd_total", "counter", "A meaning.")
    for _ in range(10):
        family.add((), "0.1")
    assert family.samples["", ()] == Decimal("1.0")
    assert exposition([family]).endswith("usd_total 1.0\n")


def test_buckets_of_a_histogram_add_up() -> None:
    family = Family("s", "histogram", "A meaning.")
    histogram(family, {labels(model="m"): [1, 0, 2]}, {labels(model="m"): 7.5}, (0.5, 1.0))
    found = {(name, of.get("le")): value for name, of, value in _read(exposition([family]))}
    assert found == {
        ("s_bucket", "0.5"): 1, ("s_bucket", "1"): 1, ("s_bucket", "+Inf"): 3, ("s_sum", None): 7.5,
        ("s_count", None): 3,
    }  # fmt: skip
