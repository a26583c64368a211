"""`llmgate baseline`: approved figures move only by a person's word, from a run that found its tests good."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.baseline import PARTS
from pytest_llmgate.store.proposals import write_proposals
from pytest_llmgate.store.rundir import RunDir

from .baseline_runs import BELL, FILE, GHZ, NEW, SHAPE, SUITE, counts, gate, judged, proposal, run
from .conftest import HEAD, Repo, suite

ACCEPT = ("baseline", "accept", "--reason", "first light")
BOTH = [proposal(), proposal(GHZ)]


@pytest.fixture
def checkout(repo: Repo) -> Repo:
    """A repository with the suite that the runs are of."""
    return repo.files({SUITE: "suite: q\n"})


def entries(checkout: Repo) -> dict[str, dict[str, Any]]:
    """The approved entries by test, of the gate `distribution` and its only arm."""
    tests = json.loads((checkout.path / FILE).read_text())["tests"]
    return {test: gates["distribution"][""] for test, gates in tests.items()}


def approved(checkout: Repo) -> bytes:
    """Both tests have an approved baseline; the bytes of the file."""
    run(checkout.path, judged(), judged(GHZ), proposes=BOTH)
    assert checkout.llmgate(*ACCEPT).code == 0
    return (checkout.path / FILE).read_bytes()


# ---- accept


def test_a_first_baseline_is_accepted_with_its_reason(checkout: Repo) -> None:
    run(checkout.path, judged(), proposes=[proposal()])
    done = checkout.llmgate(*ACCEPT)
    assert done.code == 0
    assert f"accepted: 1 new new: {BELL}, distribution exact probabilities on aer, 2 outcomes; depth 3" in done.text
    assert entries(checkout)[BELL]["reason"] == "first light"
    assert "run" not in (checkout.path / FILE).read_text()  # no id, no time: the same figures have the same bytes


def test_the_name_that_git_knows_is_the_author(checkout: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    git(checkout.path, "init", "-q")
    git(checkout.path, "config", "user.name", "Ada Lovelace")
    run(checkout.path, judged(), proposes=[proposal()])
    assert "accepted by Ada Lovelace: first light" in checkout.llmgate(*ACCEPT).text
    assert entries(checkout)[BELL]["author"] == "Ada Lovelace"


@pytest.mark.parametrize("name", [BELL, "bell", SUITE])
def test_tests_are_named_by_id_by_their_last_part_or_by_suite(checkout: Repo, name: str) -> None:
    run(checkout.path, judged(), judged(GHZ), proposes=BOTH)
    assert checkout.llmgate(*ACCEPT, name).code == 0
    assert set(entries(checkout)) == ({BELL, GHZ} if name == SUITE else {BELL})


def test_a_run_of_one_test_leaves_the_lines_of_the_others(checkout: Repo) -> None:
    before = approved(checkout).decode().splitlines()
    run(checkout.path, judged(BELL, gate("pass")), proposes=[proposal(circuit_digest="sha256:c2")])
    assert checkout.llmgate(*ACCEPT).code == 0
    after = (checkout.path / FILE).read_text().splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ('     "circuit": "sha256:c1",', '     "circuit": "sha256:c2",')
    ]


def test_what_says_nothing_new_is_not_rewritten(checkout: Repo) -> None:
    approved(checkout)
    stamp = (checkout.path / FILE).stat()
    run(checkout.path, judged(BELL, gate("pass")), proposes=[proposal()])
    done = checkout.llmgate("baseline", "accept", "--reason", "again")
    assert (done.code, done.text) == (0, "accepted: no difference")
    assert (checkout.path / FILE).stat().st_mtime_ns == stamp.st_mtime_ns


@pytest.mark.parametrize(("verdict", "flags", "kept"), [("pass", (), True), ("fail", ("--changed",), False)])
def test_another_sample_of_the_same_distribution_is_no_news(
    checkout: Repo, verdict: str, flags: tuple[str, ...], kept: bool
) -> None:
    run(checkout.path, judged(), proposes=[counts({"00": 500, "11": 500})])
    checkout.llmgate(*ACCEPT)
    run(checkout.path, judged(BELL, gate(verdict), verdict=verdict), proposes=[counts({"00": 480, "11": 520})])
    assert checkout.llmgate("baseline", "accept", "--reason", "drift", *flags).code == 0
    assert entries(checkout)[BELL]["outcomes"] == ({"00": 500, "11": 500} if kept else {"00": 480, "11": 520})


@pytest.mark.parametrize(
    "own",
    [gate("fail"), gate("inconclusive", stop_reason="stale"), gate("inconclusive", stop_reason="ceiling")],
    ids=["fails", "stale", "undecided"],
)
def test_a_baseline_that_the_run_does_not_confirm_moves_only_when_that_is_said(
    checkout: Repo, own: dict[str, Any]
) -> None:
    """A wanted change fails against the old baseline, and nothing but an accept can move that."""
    before = approved(checkout)
    new = proposal(outcomes={"00": 1, "11": PARTS - 1}, circuit_digest="sha256:c2")
    run(checkout.path, judged(BELL, own, verdict=own["verdict"]), proposes=[new])
    done = checkout.llmgate(*ACCEPT)
    assert done.code == 2
    assert f"{BELL} is not what was approved: distribution is {own['verdict']}: so it is" in done.text
    assert "add --changed [accept-changed]" in done.text
    assert (checkout.path / FILE).read_bytes() == before
    assert checkout.llmgate(*ACCEPT, "--changed").code == 0
    assert entries(checkout)[BELL]["circuit"] == "sha256:c2"


@pytest.mark.parametrize("flags", [(), ("--changed",)])
@pytest.mark.parametrize("verdict", ["fail", "inconclusive", "error"])
def test_nothing_is_accepted_where_another_gate_does_not_pass(
    checkout: Repo, verdict: str, flags: tuple[str, ...]
) -> None:
    other = gate(verdict, "success-probability")
    run(checkout.path, judged(BELL, NEW, other, verdict="fail"), proposes=[proposal()])
    done = checkout.llmgate(*ACCEPT, *flags)
    assert done.code == 2
    assert f"{BELL} is not good: success-probability is {verdict}" in done.text
    assert not (checkout.path / FILE).exists()


def test_a_gate_that_does_not_block_does_not_block_an_accept(checkout: Repo) -> None:
    warned = gate("fail", "success-probability", blocking=False)
    run(checkout.path, judged(BELL, NEW, warned), proposes=[proposal()])
    assert checkout.llmgate(*ACCEPT).code == 0


def test_one_test_that_is_refused_keeps_all_from_being_accepted(checkout: Repo) -> None:
    bad = judged(GHZ, NEW, gate("fail", "other"), verdict="fail")
    run(checkout.path, judged(), bad, proposes=BOTH)
    assert checkout.llmgate(*ACCEPT).code == 2
    assert not (checkout.path / FILE).exists()
    assert checkout.llmgate(*ACCEPT, "bell").code == 0


@pytest.mark.parametrize(
    ("head", "verdict", "said"),
    [
        ({"interrupted": True}, "pass", "it was interrupted"),
        ({"exploratory": True}, "pass", "it is exploratory"),
        ({}, "error", f"{GHZ} could not be judged"),
    ],
)
def test_nothing_is_accepted_from_a_run_that_is_no_whole_answer(
    checkout: Repo, head: dict[str, Any], verdict: str, said: str
) -> None:
    run(checkout.path, judged(), judged(GHZ, verdict=verdict), proposes=BOTH, **head)
    done = checkout.llmgate(*ACCEPT, "bell")
    assert done.code == 2
    assert said in done.text
    assert not (checkout.path / FILE).exists()


def test_a_run_without_its_result_is_refused(checkout: Repo) -> None:
    (run(checkout.path, judged(), proposes=BOTH).path / "result.json").unlink()
    assert "was not finished" in checkout.llmgate(*ACCEPT).text


def test_a_test_without_a_verdict_is_refused(checkout: Repo) -> None:
    run(checkout.path, judged(), proposes=BOTH)
    assert f"{GHZ} has no verdict in this run" in checkout.llmgate(*ACCEPT).text


@pytest.mark.parametrize("command", [ACCEPT, ("baseline", "prune", "--yes")])
def test_ci_writes_no_baselines(checkout: Repo, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    run(checkout.path, judged(), proposes=BOTH)
    monkeypatch.setenv("CI", "true")
    done = checkout.llmgate(*command)
    assert (done.code, "[baseline-in-ci]" in done.text) == (2, True)
    assert not (checkout.path / FILE).exists()


@pytest.mark.parametrize("reason", ["", "  \n "])
def test_a_reason_says_something(checkout: Repo, reason: str) -> None:
    run(checkout.path, judged(), proposes=BOTH)
    assert "say it: --reason TEXT" in checkout.llmgate("baseline", "accept", "--reason", reason).text
    assert "Missing option '--reason'" in checkout.llmgate("baseline", "accept").text


@pytest.mark.parametrize(
    ("proposes", "names", "said"),
    [
        (None, (), "propose some with: pytest --llm-suite --llm-baseline=propose"),
        ([], (), "write `baseline: true` at an assertion first"),
        (BOTH, ("bel",), "the run proposes nothing for a test 'bel'"),
        (BOTH, (BELL[:-1],), f"did you mean '{BELL}'?"),
        ([proposal(GHZ)], ("bell",), "'bell' has no gate that is compared with a baseline"),
    ],
)
def test_what_is_not_proposed_is_not_accepted(checkout: Repo, proposes: Any, names: tuple[str, ...], said: str) -> None:
    run(checkout.path, judged(), judged(GHZ), proposes=proposes)
    done = checkout.llmgate(*ACCEPT, *names)
    assert (done.code, said in done.text) == (2, True)


@pytest.mark.parametrize("test", ["../q.suite.yaml::bell", "suites/gone.suite.yaml::bell"])
def test_a_run_cannot_choose_what_is_written(checkout: Repo, test: str) -> None:
    (checkout.path.parent / "q.suite.yaml").write_text("suite: q\n")
    run(checkout.path, judged(test), proposes=[proposal(test)])
    done = checkout.llmgate(*ACCEPT)
    assert (done.code, "there is no suite" in done.text) == (2, True)
    assert not (checkout.path.parent / "q.baseline.json").exists()


def test_a_broken_file_of_one_suite_keeps_all_from_being_written(checkout: Repo) -> None:
    checkout.files({"suites/a.suite.yaml": "suite: a\n", FILE: "<<<<<<< ours\n"})
    first = "suites/a.suite.yaml::x"
    run(checkout.path, judged(), judged(first), proposes=[proposal(first), proposal()])
    done = checkout.llmgate(*ACCEPT)
    assert (done.code, f"{FILE}:1: an unsolved merge conflict" in done.text) == (2, True)
    assert not (checkout.path / "suites/a.baseline.json").exists()


def test_an_older_run_is_accepted_by_its_id(checkout: Repo) -> None:
    older = run(checkout.path, judged(), proposes=[proposal()])
    run(checkout.path, judged(), proposes=None)
    assert checkout.llmgate(*ACCEPT).code == 2
    assert checkout.llmgate(*ACCEPT, "--run", older.id).code == 0


def test_the_result_of_a_real_run_is_understood(repo: Repo) -> None:
    """Its test passes one gate and has another that is called like the proposal's."""
    good, bad = "type: contains, value: good", "type: contains, value: bad, name: names-bad"
    repo.files({"suites/q.suite.yaml": suite(good, bad), "suites/p.suite.yaml": suite(good)})
    for name, code in (("p", 0), ("q", 2)):
        opened = RunDir.open(repo.gate(name))
        write_proposals(opened, [proposal(f"suites/{name}.suite.yaml::t", gate="contains")])
        done = repo.llmgate(*ACCEPT)
        assert done.code == code
    assert "suites/q.suite.yaml::t is not good: names-bad is fail" in done.text


# ---- diff


def test_a_diff_is_what_an_accept_would_change(checkout: Repo) -> None:
    approved(checkout)
    shape = {**SHAPE, "gates": {"cx": 2, "h": 1}, "depth": 4, "two_qubit": 2}
    moved = proposal(
        outcomes={"00": PARTS // 4, "11": PARTS * 3 // 4}, circuit_digest="sha256:c2", shape=shape, noise_digest=None
    )
    other = proposal(f"{SUITE}::other")
    made = run(checkout.path, judged(BELL, gate("fail"), verdict="fail"), proposes=[proposal(GHZ), moved, other])
    done = checkout.llmgate("baseline", "diff")
    assert done.code == 0
    assert done.raw == (
        f"""\
proposals of run {made.id} against the baselines of the
  checkout: 1 changed, 1 new

changed: {BELL}, distribution
  stale baseline: it was taken with noise, and there is none now
  circuit changed since the baseline (cx: 1 → 2, depth: 3 → 4, two-qubit
    gates: 1 → 2)
  total variation distance 0.2500
  00: 50 % → 25 %
  11: 50 % → 75 %

new: {SUITE}::other, distribution
  exact probabilities on aer, 2 outcomes; depth 3, 1 two-qubit gate
"""
    )


def test_the_distance_of_counts_is_said_to_be_one_of_samples(checkout: Repo) -> None:
    run(checkout.path, judged(), proposes=[counts({"00": 500, "11": 500})])
    checkout.llmgate(*ACCEPT)
    now = counts({"00": 400, "11": 600}, backend="ibm")
    run(checkout.path, judged(BELL, gate("fail"), verdict="fail"), proposes=[now])
    done = checkout.llmgate("baseline", "diff")
    assert "counts of 1,000 shots on aer, 2 outcomes → counts of 1,000 shots on ibm, 2 outcomes" in done.text
    assert "total variation distance between samples 0.1000" in done.text


def test_other_registers_have_no_distance(checkout: Repo) -> None:
    approved(checkout)
    now = proposal(widths=(1, 1), outcomes={"0 0": PARTS})
    run(checkout.path, judged(BELL, gate("fail"), verdict="fail"), proposes=[now])
    done = checkout.llmgate("baseline", "diff")
    assert "the baseline has classical registers of 2 bits, the circuit of 1 + 1: another distribution" in done.text
    assert "distance 0" not in done.text


def test_text_of_others_is_shown_and_not_obeyed(checkout: Repo) -> None:
    run(checkout.path, judged(), proposes=[proposal(gate="::error::\x1b[31m\u202eevil" + "x" * 200)])
    done = checkout.llmgate("baseline", "diff")
    assert "\x1b" not in done.raw and "\u202e" not in done.raw
    assert all(len(line) <= 80 for line in done.raw.splitlines())


def git(folder: Path, *words: str) -> None:
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(("git", *name, *words), cwd=folder, check=True, capture_output=True)


def committed(checkout: Repo) -> None:
    """Both baselines are in git, on the branch `main`."""
    git(checkout.path, "init", "-q")
    approved(checkout)
    git(checkout.path, "add", "suites")
    git(checkout.path, "commit", "-qm", "baselines")


def without_ghz(checkout: Repo) -> None:
    tree = json.loads((checkout.path / FILE).read_text())
    del tree["tests"][GHZ]
    tree["tests"][BELL]["distribution"][""]["circuit"] = "sha256:c2"
    (checkout.path / FILE).write_text(json.dumps(tree))


@pytest.mark.parametrize("revision", ["HEAD", "main", "merge-base"])
def test_against_a_revision_a_deleted_baseline_comes_first(checkout: Repo, revision: str) -> None:
    committed(checkout)
    git(checkout.path, "checkout", "-qb", "feature")
    without_ghz(checkout)
    done = checkout.llmgate("baseline", "diff", "--against", revision)
    assert done.code == 0
    assert f"baselines of the checkout against those at {revision}" in done.text
    assert done.text.index(f"deleted: {GHZ}") < done.text.index(f"changed: {BELL}")


def test_the_merge_base_is_where_the_branch_left_and_not_where_its_target_is(checkout: Repo) -> None:
    committed(checkout)
    git(checkout.path, "checkout", "-qb", "feature")
    git(checkout.path, "checkout", "-q", "main")
    without_ghz(checkout)
    git(checkout.path, "commit", "-qam", "meanwhile on main")
    git(checkout.path, "checkout", "-q", "feature")
    assert "no difference" in checkout.llmgate("baseline", "diff", "--against", "merge-base").text
    assert "2 changed" not in checkout.llmgate("baseline", "diff", "--against", "main").text
    assert f"new: {GHZ}" in checkout.llmgate("baseline", "diff", "--against", "main").text


def test_a_baseline_file_that_is_gone_is_deleted(checkout: Repo) -> None:
    committed(checkout)
    (checkout.path / FILE).unlink()
    assert "2 deleted" in checkout.llmgate("baseline", "diff", "--against", "HEAD").text


def test_a_run_is_compared_with_a_revision_where_both_are_named(checkout: Repo) -> None:
    committed(checkout)
    without_ghz(checkout)
    made = run(checkout.path, judged(BELL, gate("pass")), proposes=[proposal()])
    done = checkout.llmgate("baseline", "diff", "--against", "HEAD", "--run", made.id)
    assert "no difference" in done.text  # the run is what HEAD has, whatever the checkout's file says


@pytest.mark.parametrize("revision", ["nonsense", "--output=x", "HEAD~99", ""])
def test_an_unknown_revision_is_told(checkout: Repo, revision: str) -> None:
    committed(checkout)
    done = checkout.llmgate("baseline", "diff", f"--against={revision}")
    assert (done.code, "[unknown-revision]" in done.text) == (2, True)


def test_outside_git_there_is_no_revision(checkout: Repo) -> None:
    done = checkout.llmgate("baseline", "diff", "--against", "merge-base")
    assert (done.code, "[unknown-revision]" in done.text) == (2, True)
    assert "no merge base is known: git is not there, or knows no repository here" in done.text


# ---- prune

GATES = suite("type: contains, value: good").replace("id: t\n", "id: bell\n")
MODULE = "import pytest\n\ndef test_bell(circuit_run): ...\n"


@pytest.fixture
def stale(repo: Repo) -> Repo:
    """Baselines of a suite and of a module, half of which nothing asks for any more."""
    tests = [(BELL, "contains"), (BELL, "gone"), (GHZ, "contains"), ("tests/test_q.py::test_bell[x]", "d"),
             ("tests/test_q.py::test_gone", "d"), ("tests/test_lost.py::test_bell", "d")]  # fmt: skip
    repo.files({SUITE: GATES, "tests/test_q.py": MODULE, "tests/test_lost.py": MODULE})
    names = sorted({test for test, _ in tests})
    run(repo.path, *(judged(test) for test in names), proposes=[proposal(test, gate=name) for test, name in tests])
    assert repo.llmgate(*ACCEPT).code == 0
    (repo.path / "tests/test_lost.py").unlink()
    return repo


LOST = [f"{BELL}, gone", f"{GHZ}, contains", "tests/test_lost.py::test_bell, d", "tests/test_q.py::test_gone, d"]


def test_prune_lists_what_nothing_asks_for_and_removes_nothing(stale: Repo) -> None:
    before = (stale.path / FILE).read_bytes()
    done = stale.llmgate("baseline", "prune")
    assert done.code == 0
    assert [line for line in done.raw.splitlines() if line.startswith("deleted: ")] == [
        f"deleted: {name}" for name in sorted(LOST)
    ]
    assert "nothing was removed: add --yes to remove them" in done.text
    assert (stale.path / FILE).read_bytes() == before


def test_prune_removes_exactly_that_when_it_is_told(stale: Repo) -> None:
    assert "removed: 4 deleted" in stale.llmgate("baseline", "prune", "--yes").text
    assert stale.llmgate("baseline", "prune").text == "nothing asks for these any more: no difference"
    assert list(json.loads((stale.path / FILE).read_text())["tests"][BELL]) == ["contains"]
    assert not (stale.path / "tests/test_lost.baseline.json").exists()
    assert list(json.loads((stale.path / "tests/test_q.baseline.json").read_text())["tests"]) == [
        "tests/test_q.py::test_bell[x]"
    ]


def test_a_suite_that_does_not_compile_keeps_its_baselines_and_all_others(stale: Repo) -> None:
    stale.files({SUITE: HEAD + "tests:\n  - id: bell\n    nonsense: 1\n"})
    done = stale.llmgate("baseline", "prune", "--yes")
    assert done.code == 2
    assert (stale.path / "tests/test_lost.baseline.json").exists()


def test_a_module_that_cannot_be_parsed_keeps_its_baselines(stale: Repo) -> None:
    stale.files({"tests/test_q.py": "def test_(:\n"})
    assert "test_gone" not in stale.llmgate("baseline", "prune").text
