"""How well grounding, contradiction and calibration tell good answers from bad ones, on labels they did not see."""

from __future__ import annotations

import importlib.util
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from time import process_time
from types import ModuleType

import numpy as np

from benchmarks import detectors_consistency as consistency
from benchmarks import detectors_similar as similar
from benchmarks.detectors_data import SETS, Labelled, load, raw_rows
from benchmarks.detectors_fit import fit, pooled
from benchmarks.figures import Check, Figure, Row
from benchmarks.options import Options
from pytest_llmgate.detectors import figures, logistic
from pytest_llmgate.detectors.grounding.alignment import align
from pytest_llmgate.detectors.grounding.assess import assess
from pytest_llmgate.detectors.grounding.evidence import index
from pytest_llmgate.detectors.grounding.passages import passage_of
from pytest_llmgate.detectors.grounding.score import shipped, sigmoid
from pytest_llmgate.detectors.grounding.spans import unsupported

PART = "detectors"
LEAST_MEAN, LEAST_GAIN, LEAST_BEGIN = 0.69, 0.04, 0.93
LEAST_LABELLED, MOST_ECE, LABELS, DRAWS, RIDGE = 0.74, 0.08, 100, 20, 0.5
LEAST_CONSISTENCY, LEAST_F1, LEAST_RECALL, LEAST_SWAPS, MOST_FALSE, MOST_MS = 0.82, 0.58, 0.95, 0.80, 0.05, 5.0
SIMILAR, QUICK_SIMILAR = 150, 60  # rows of a set: a long source takes a second
PARAPHRASES = Path(__file__).parents[1] / "tests" / "unit" / "detectors" / "paraphrases.py"


def measure(folder: Path, given: Options) -> list[Row]:
    """Figures of the public sets, where they are at hand, and of our own paraphrases, always."""
    rows: list[Row] = [*_own(), _cost()]
    if not all(raw_rows(name) for name in (*SETS, consistency.SET, "wice_tokens")):
        return [*rows, Figure(part=PART, name="public sets", values=(), note="they are not beside this repository")]
    sets = [load(name) for name in SETS]
    rounds, draws = (50, 4) if given.quick else (400, DRAWS)
    return [*rows, *_unseen(sets, rounds, draws), *_consistency(rounds), _spans()]


def _figure(name: str, value: float, note: str = "", unit: str = "") -> Figure:
    return Figure(part=PART, name=name, values=(value,), note=note, digits=3, unit=unit)


def _check(name: str, value: float, wanted: float, *, least: bool = True) -> Check:
    sign = "≥" if least else "≤"
    holds = value >= wanted if least else value <= wanted
    return Check(part=PART, name=f"{name} {sign} {wanted:g}", holds=holds, note=f"{value:.3f}")


# ---- public sets, each judged by what was fitted on the others


def _unseen(sets: Sequence[Labelled], rounds: int, draws: int) -> list[Row]:
    rows: list[Row] = []
    found: list[tuple[float, float]] = []
    labelled: list[tuple[float, float]] = []
    judged: list[tuple[Labelled, Sequence[float]]] = []
    for target in sets:
        weights = np.asarray(fit([other for other in sets if other is not target]))
        inner = pooled(target, weights)
        logits = [float(value) for value in inner @ weights[:-1] + weights[-1]]
        overlap = [row.overlap for row in target.rows]
        found.append((figures.auroc(target.labels, logits), figures.auroc(target.labels, overlap)))
        labelled.append(_with_labels(target, inner, weights, draws))
        judged.append((target, logits))
        rows += _of_set(target, logits, found[-1], labelled[-1], rounds)
    ours, plain = (mean(column) for column in zip(*found, strict=True))
    auroc, ece = (mean(column) for column in zip(*labelled, strict=True))
    return [
        *rows,
        *similar.measure(PART, judged, QUICK_SIMILAR if draws < DRAWS else SIMILAR),
        _check("no labels: mean AUROC", ours, LEAST_MEAN),
        _check("no labels: mean AUROC over that of word overlap", ours - plain, LEAST_GAIN),
        _check("no labels: AUROC on BEGIN", found[SETS.index("begin")][0], LEAST_BEGIN),
        _check(f"{LABELS} labels: mean AUROC", auroc, LEAST_LABELLED),
        _check(f"{LABELS} labels: mean ECE", ece, MOST_ECE, least=False),
    ]


def _of_set(
    target: Labelled,
    logits: Sequence[float],
    found: tuple[float, float],
    labelled: tuple[float, float],
    rounds: int,
) -> list[Row]:
    labels, groups = target.labels, [row.group for row in target.rows]
    low, high = figures.bootstrap(groups, _auroc(labels, logits), rounds=rounds)
    risks = [sigmoid(logit) for logit in logits]
    cost = target.seconds / len(target.rows) * 1e3
    note = (
        f"95 % [{low:.3f}, {high:.3f}]; word overlap {found[1]:.3f}; balanced accuracy "
        f"{figures.balanced_accuracy(labels, risks, 0.5):.3f}; ECE {figures.ece(labels, risks):.3f}; recall at 5 % FPR "
        f"{figures.recall_at(labels, logits, 0.05):.3f}; {cost:.1f} ms a reply; {len(labels)} rows"
    )
    more = f"ECE {labelled[1]:.3f}"
    return [
        _figure(f"{target.name}: AUROC, no labels", found[0], note),
        _figure(f"{target.name}: AUROC, {LABELS} labels", labelled[0], more),
    ]


def _auroc(labels: Sequence[int], scores: Sequence[float]) -> Callable[[Sequence[int]], float]:
    return lambda places: figures.auroc([labels[at] for at in places], [scores[at] for at in places])


def _with_labels(target: Labelled, rows: np.ndarray, prior: np.ndarray, draws: int) -> tuple[float, float]:
    """Mean AUROC and ECE on the rest of a set, after some of its labels have moved the coefficients of the others."""
    labels = np.asarray(target.labels)
    found: list[tuple[float, float]] = []
    for draw in range(draws):
        order = list(range(len(labels)))
        random.Random(draw).shuffle(order)
        seen, rest = order[:LABELS], order[LABELS:]
        weights = np.asarray(logistic.fit(rows[seen], labels[seen], ridge=RIDGE, prior=prior, rising=True))
        logits = [float(value) for value in rows[rest] @ weights[:-1] + weights[-1]]
        truth = [int(label) for label in labels[rest]]
        found.append((figures.auroc(truth, logits), figures.ece(truth, [sigmoid(logit) for logit in logits])))
    return mean(auroc for auroc, _ in found), mean(ece for _, ece in found)


# ---- several replies, marked words


def _consistency(rounds: int) -> list[Row]:
    began = process_time()
    rows = consistency.sentences()
    cost = (process_time() - began) / len({row.group for row in rows}) * 1e3
    labels, scores = [row.label for row in rows], consistency.held_out(rows)
    auroc = figures.auroc(labels, scores)
    low, high = figures.bootstrap([row.group for row in rows], _auroc(labels, scores), rounds=rounds)
    unigram = figures.auroc(labels, [row.unigram for row in rows])
    ece = figures.ece(labels, [sigmoid(score) for score in scores])
    note = (
        f"95 % [{low:.3f}, {high:.3f}]; unigram {unigram:.3f}; ECE {ece:.3f}; {cost:.0f} ms a passage; "
        f"{len(labels)} rows"
    )
    name = f"{consistency.SET}: AUROC, {consistency.SAMPLES} samples, passages left out"
    return [_figure(name, auroc, note), _check("contradiction: AUROC", auroc, LEAST_CONSISTENCY)]


def _spans() -> Row:
    hit = extra = missed = 0
    for given in raw_rows("wice_tokens"):
        claim = passage_of(given["response"])
        marks = unsupported(align(claim, index([("source", given["source"])])))
        truth = [(span["start"], span["end"]) for span in given["spans"]]
        for token in claim.tokens:
            said, true = _in(token.start, token.end, marks), _in(token.start, token.end, truth)
            hit, extra, missed = hit + (said and true), extra + (said and not true), missed + (true and not said)
    return _check("WiCE: F1 of marked words", 2 * hit / max(2 * hit + extra + missed, 1), LEAST_F1)


def _in(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(first < end and start < last for first, last in spans)


# ---- our own paraphrases


def _own() -> list[Row]:
    """False flags on faithful paraphrases, and edits of them that are found by their kind."""
    own = _paraphrases()
    model = shipped()
    indexes = {one.source: index([(one.document, one.source)]) for one in own.faithful()}
    judged = [assess(one.reply, indexes[one.source], model) for one in own.faithful()]
    false = mean(found is None or bool(found.findings) or found.risk >= model.threshold for found in judged)
    wanted = {"number": "number", "negation": "negation", "stranger": "entity", "swap": "entity"}
    seen, hit = Counter[str](), Counter[str]()
    for one in own.edits():
        found = assess(one.reply, indexes[one.source], model)
        seen[one.kind] += 1
        hit[one.kind] += found is not None and any(finding.kind == wanted[one.kind] for finding in found.findings)
    rows: list[Row] = [_check(f"{len(judged)} faithful paraphrases flagged", false, MOST_FALSE, least=False)]
    for kind in wanted:
        least = LEAST_SWAPS if kind == "swap" else LEAST_RECALL
        rows.append(_check(f"{seen[kind]} edits, {kind}: recall", hit[kind] / seen[kind], least))
    return rows


def _paraphrases() -> ModuleType:
    """The set stands with the tests, which hold the package to it."""
    spec = importlib.util.spec_from_file_location("own_paraphrases", PARAPHRASES)
    assert spec is not None
    assert spec.loader is not None  # a .py file always has one
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _cost() -> Row:
    """CPU of indexing about 500 words of source and judging a reply of four sentences; median of some rounds."""
    own = _paraphrases()
    source = " ".join(sorted({one.source for one in own.faithful()}))[:3000]
    reply = " ".join(one.reply for one in own.faithful()[:4])
    times = []
    for _ in range(21):
        began = process_time()
        assess(reply, index([("source", source)]), shipped())
        times.append((process_time() - began) * 1e3)
    note = f"{len(source.split())} words of source, indexed anew"
    return Figure(part=PART, name="CPU of grounded a reply", values=times, most=MOST_MS, unit="ms", note=note)
