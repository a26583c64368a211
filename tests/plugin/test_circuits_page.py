"""From a run to the page of its circuits: what was ruled out, with which power, and what was not measured."""

from __future__ import annotations

import json
import re
from html import unescape

import numpy.fft
import pytest
import qiskit.qasm2
import qiskit.qasm3
import qiskit.transpiler.preset_passmanagers
import qiskit_aer.noise
import scipy.linalg
import scipy.special

from .conftest import Example, Ran
from .test_circuits import BASELINE, BELL, BROKEN, HEADER, llmgate, propose_and_accept

# Loaded once and for all: pytester forgets what is imported during a run, and these cannot be loaded twice.
KEPT = (numpy.fft, qiskit.qasm2, qiskit.qasm3, qiskit.transpiler, qiskit_aer.noise, scipy.linalg, scipy.special)

SUITE = """
    suite: q
    tests:
      - id: bell
        circuit: bell.qasm
        noise: manila
        assert: [{type: distribution, reference: bell.qasm}]
      - id: broken
        circuit: broken.qasm
        noise: manila
        assert: [{type: distribution, reference: bell.qasm}]
      - id: fixed
        circuit: bell.qasm
        shots: 1000
        assert: [{type: distribution, reference: bell.qasm, rule: fixed}]
"""
FILES = {"suites/q.suite.yaml": SUITE, "suites/bell.qasm": BELL, "suites/broken.qasm": BROKEN}


def read(ran: Ran) -> str:
    """The words of the page of a run."""
    text = (ran.folder / "report.html").read_text()
    return " ".join(unescape(re.sub("<[^>]+>", " ", re.sub("(?s)<style.*?</style>", "", text))).split())


def ruled_out(ran: Ran, test: str) -> dict[str, bool | None]:
    return {row["name"]: row["ruled_out"] for row in ran.gate(test)["alternatives"]}


def test_the_power_against_each_alternative_reaches_the_page(example: Example) -> None:
    ran = example.files(FILES).gate()
    gate = ran.gate("bell")
    assert gate["ruled_out"] == f"each of {len(gate['alternatives'])} declared changes is ruled out"
    assert set(ruled_out(ran, "bell").values()) == {True}
    words = read(ran)
    assert f"Change TVD Ruled out Power at {gate['shots']:,} shots At the ceiling" in words
    for row in gate["alternatives"]:
        assert 0.0 <= row["power"] <= row["power_ceiling"] <= 1.0
        assert re.search(rf"{re.escape(row['name'])} 0\.\d+ yes [\d.]+ % [\d.]+ %", words), row
    assert re.search(r"a change that is not declared 0\.1 – [\d.]+ % [\d.]+ %", words)


def test_the_change_that_was_made_is_the_one_that_is_not_ruled_out(example: Example) -> None:
    found = ruled_out(example.files(FILES).gate(), "broken")
    assert [name for name, out in found.items() if not out and name.startswith("cx q0,q1 missing")]


def test_a_rule_with_one_look_has_powers_too(example: Example) -> None:
    ran = example.files(FILES).gate()
    assert set(ruled_out(ran, "fixed").values()) == {None}
    assert re.search(r"Change TVD Power at 1,000 shots .*cx q0,q1 missing.* 0\.5 100 %", read(ran))


def test_neither_workers_nor_deciding_again_change_the_powers(example: Example) -> None:
    ran = example.files(FILES).gate()
    assert example.gate("-n2").judged == ran.judged
    for path in (example.path / "suites").glob("*.qasm"):
        path.unlink()
    code, told = llmgate(example, "regate", str(ran.folder), "--json")
    assert code == 1
    assert json.loads(told)["tests"] == ran.result["tests"]


def test_the_power_at_the_ceiling_is_the_plans(example: Example) -> None:
    ran = example.files({**FILES, "suites/q.suite.yaml": SUITE.split("      - id: broken")[0]}).gate()
    code, told = llmgate(example, "plan", "suites/q.suite.yaml")
    assert code == 0, told
    row = next(row for row in ran.gate("bell")["alternatives"] if row["name"] == "noise doubled")
    planned = re.search(r"noise doubled .* ([\d.]+) %", told)
    assert planned is not None
    assert float(planned[1]) == pytest.approx(100 * row["power_ceiling"], abs=0.06)


# ---- what was not measured

STEPS = "".join(f"ry(0.3) q[{n}]; cx q[{n}],q[{n + 1}]; " for n in range(10))
LONG = f"{HEADER.replace('[2]', '[11]')}{STEPS}measure q -> c;"


def test_a_pass_that_leaves_changes_open_says_so_at_the_head(example: Example) -> None:
    """`Everything that the suites ask for was measured` stood above reversed bits that this circuit never shows."""
    ran = example.files({**FILES, "suites/q.suite.yaml": SUITE.split("      - id: broken")[0]}).gate()
    assert ran.gate("bell")["unresolved"]
    words = read(ran)
    number = len(ran.gate("bell")["unresolved"])
    said = f"A pass does not rule out {number} change{'s' * (number > 1)} of 1 circuit: too near to be told apart"
    assert said in words
    assert "Everything that the suites ask for was measured" not in words


def test_changes_that_were_too_many_to_simulate_are_on_every_report(example: Example) -> None:
    suite = "suite: q\ntests: [{id: long, circuit: long.qasm, screen: quick, shots: 200000,"
    suite += " assert: [{type: distribution, reference: long.qasm}]}]\n"
    ran = example.files({"suites/q.suite.yaml": suite, "suites/long.qasm": LONG}).gate()
    gate = ran.gate("long")
    assert gate["verdict"] == "pass"
    said = f"{gate['left_out']} further changes not tried: they were too many to simulate"
    assert said in read(ran)
    assert said in " ".join(ran.text.split())
    assert f"{gate['left_out']} further changes of 1 circuit: too many to simulate, so not tried." in read(ran)


def test_what_one_basis_never_shows_is_not_open_where_another_shows_it(example: Example) -> None:
    """A sign that Z never reveals is a declared change in X, and ruled out there."""
    signed = BELL.replace("cx q[0]", "rz(1.5) q[0]; cx q[0]")
    suite = "suite: q\ntests: [{id: signed, circuit: bell.qasm, screen: quick,"
    suite += " assert: [{type: distribution, reference: bell.qasm, bases: %s}]}]\n"
    example.files({"suites/q.suite.yaml": suite % "[Z]", "suites/bell.qasm": signed})
    in_one = {row["name"] for row in example.gate().gate("signed")["unresolved"]}
    example.files({"suites/q.suite.yaml": suite % "[Z, X]"})
    ran = example.gate()
    assert ran.verdicts == {"signed": "pass"}
    in_both = {row["name"] for row in ran.gate("signed")["unresolved"]}
    assert "rz(1.5) q0 missing" in in_one
    assert "rz(1.5) q0 missing" not in in_both


def test_a_test_without_shots_is_named_with_the_reason(example: Example) -> None:
    example.files({**FILES, "suites/q.suite.yaml": BASELINE})
    propose_and_accept(example)
    example.files({"suites/q.suite.yaml": BASELINE.replace("manila", "torino")})
    words = read(example.gate())
    reason = "stale baseline: it was taken under other noise"
    assert f"1 test without a trial: {reason}. suites/q.suite.yaml::bell" in words
    assert "1 gate with a stale baseline: nothing was compared." in words
    assert "could not tell good from bad" not in words
