"""From an outline and its distributions to the questions that decide a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.baseline import CircuitBaseline, CircuitIdentity, compare
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import EQUIVALENT, SUCCESS_PROBABILITY, GatePlan
from pytest_llmgate.core.trial import derived_seed
from pytest_llmgate.engine.gate import UNAPPROVED
from pytest_llmgate.quantum.alternatives import reverse_bits
from pytest_llmgate.quantum.assertions import tolerance
from pytest_llmgate.quantum.distribution import Distribution
from pytest_llmgate.quantum.equivalence import equivalent
from pytest_llmgate.quantum.lab import Lab
from pytest_llmgate.quantum.outcomes import check_bitstrings, read_distribution, widths
from pytest_llmgate.session.circuits.arms import baseline_arm, load_bound
from pytest_llmgate.session.circuits.headroom import headroom, tvd
from pytest_llmgate.session.circuits.identity import identity_of
from pytest_llmgate.session.circuits.outline import Against, Asked, Outline, job_of
from pytest_llmgate.session.circuits.question import Question
from pytest_llmgate.store.baselines import Baselines

_SAMPLED_SHOTS = 4  # a reference that is too wide to be known exactly is drawn so many times as often
_MOST_SAMPLED = 200_000
_NOW = "the circuit as it is now"


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks what the gates of one test ask. lab: simulates. baselines: the approved ones of the test's suite."""

    made: Outline
    lab: Lab
    files: SuiteFiles
    baselines: Baselines

    def all(self) -> tuple[Question, ...]:
        """One question for every gate and arm that it is asked of. Raises LlmgateError for what makes no sense."""
        return tuple(self._question(asked) for asked in self.made.asked)

    def _question(self, asked: Asked) -> Question:
        kind = asked.gate.type
        if kind == SUCCESS_PROBABILITY:
            return self._success(asked)
        if kind == EQUIVALENT:
            return self._equivalent(asked)
        if kind == "expectation":
            return self._plain(asked, "expectation", extra=self._headroom(asked))
        if asked.gate.params.get("baseline"):
            return self._baseline(asked)
        if "expected" in asked.gate.params:
            return self._expected(asked)
        return self._reference(asked)

    def _widths(self, asked: Asked) -> tuple[int, ...]:
        return widths(self.made.arms[asked.arm].circuit)

    def _plain(self, asked: Asked, kind: Any, **given: Any) -> Question:
        group = asked.gate.params.get("group_by")
        return Question(
            gate=asked.gate.name, arm=asked.arm, kind=kind, widths=self._widths(asked), group=group, **given
        )

    def _settled(self, asked: Asked, outcome: Outcome, reason: str, **extra: Any) -> Question:
        return self._plain(asked, "settled", verdict=outcome.value, reason=reason, extra=extra)

    # ---- the types

    def _success(self, asked: Asked) -> Question:
        check_bitstrings(asked.gate.params["bitstrings"], self._widths(asked), asked.gate.where)
        return self._plain(asked, "success", extra=self._headroom(asked))

    def _equivalent(self, asked: Asked) -> Question:
        """Decided at once: the two circuits are compared, not sampled."""
        arm = self.made.arms[asked.arm]
        other = load_bound(str(asked.gate.params["reference"]), self.files, self.made.plan, arm.case)
        found = equivalent(arm.logical, other, mode=asked.gate.params.get("of", "state"))
        outcome = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.INCONCLUSIVE}[found.equal]
        said = f"{found.reason} ({found.how})"
        fidelity = None if found.fidelity is None else float(f"{found.fidelity:.6g}")
        return self._settled(asked, outcome, "exact" if found.equal is not None else "undecided", said=said,
                             fidelity=fidelity, how=found.how)  # fmt: skip

    def _expected(self, asked: Asked) -> Question:
        """A literal distribution: ideal figures, which noise always leaves in the end."""
        gate = asked.gate
        expected = read_distribution(gate.params["expected"], self._widths(asked), gate.where)
        if tolerance(gate.params, gate.where) is not None:
            return self._distribution(asked, expected, "expected", ())
        noise = self.made.plan.circuit.noise if self.made.plan.circuit is not None else None
        if noise is not None:
            raise self._ideal_under_noise(gate, expected, asked.arm)
        return self._distribution(asked, expected, "expected", self._others(asked.against))

    def _ideal_under_noise(self, gate: GatePlan, expected: Mapping[str, float], place: int) -> Exception:
        own = self.made.needs.fetch(self.made.own[place])
        apart = "" if own is None else f": its exact TVD under this noise is {tvd(own.as_dict(), expected):.4f}"
        message = f"gate {gate.name!r} expects an ideal distribution of a noisy circuit{apart}"
        hint = "add max_tvd, or compare with reference: or baseline: true, which are taken under the same noise"
        return problem("ideal-under-noise", message, gate.where, hint)

    def _reference(self, asked: Asked) -> Question:
        against, gate = asked.against, asked.gate
        assert against is not None
        mine, theirs = self._widths(asked), widths(against.circuit)
        if mine != theirs:
            said = f"registers of {_sizes(mine)} bits, the reference has {_sizes(theirs)}: another distribution"
            return self._settled(asked, Outcome.FAIL, "widths", said=said)
        found = self.made.needs.fetch(against.slot)
        if found is None:
            return self._sampled(asked, against)
        return self._distribution(
            asked, found.as_dict(), f"the reference {gate.params['reference']}", self._others(against)
        )

    def _sampled(self, asked: Asked, against: Against) -> Question:
        """A reference too wide to be known exactly: it is drawn too, and never taken for exact."""
        plan, arm = self.made.plan, self.made.arms[asked.arm].arm
        assert plan.circuit is not None
        if tolerance(asked.gate.params, asked.gate.where) is not None:
            hint = "leave max_tvd out, or write fewer qubits"
            message = "this reference is too wide for its exact distribution, which max_tvd needs"
            raise problem("circuit-plan", message, asked.gate.where, hint)
        shots = min(_MOST_SAMPLED, _SAMPLED_SHOTS * plan.circuit.shots)
        seed = derived_seed(plan.seed, plan.id, arm.id, "reference")  # of no chunk
        drawn = self.lab.sample(job_of(plan, against.circuit, arm), shots, seed)
        extra = {"against": f"{shots:,} shots of the reference {asked.gate.params['reference']}"}
        return self._plain(asked, "two-sample", recorded=dict(drawn.counts), extra=extra)

    def _distribution(self, asked: Asked, p: Mapping[str, float], against: str, others: Any, **more: Any) -> Question:
        kind = "tolerance" if tolerance(asked.gate.params, asked.gate.where) is not None else "identity"
        extra = {"against": against, **more, **self._headroom(asked, p)}
        if asked.against is not None and asked.against.left_out and kind == "identity":
            extra["left_out"] = asked.against.left_out
        return self._plain(asked, kind, reference=p, alternatives=others, extra=extra)

    def _others(self, against: Against | None) -> tuple[tuple[str, str, Mapping[str, float]], ...]:
        """The declared alternatives' distributions; those that are too wide stay undeclared."""
        if against is None:
            return ()
        found = []
        for name, kind, slot, is_reversed in against.others:
            p = self.made.needs.fetch(slot)
            if p is not None:
                found.append((name, kind, reverse_bits(p.as_dict()) if is_reversed else p.as_dict()))
        return tuple(found)

    # ---- baselines

    def _baseline(self, asked: Asked) -> Question:
        """Compare with what was approved; without it nothing is compared, and that is said."""
        arm = self.made.arms[asked.arm]
        known = self.baselines.get(self.made.plan.id, asked.gate.name, baseline_arm(arm.arm, self.made.plan))
        if known is None:
            said = "no approved baseline yet: nothing was compared"
            return self._settled(asked, Outcome.INCONCLUSIVE, UNAPPROVED, said=said)
        state = compare(known, self.identity(asked.arm))
        if state.standing == "other-widths":
            return self._settled(asked, Outcome.FAIL, "widths", said="; ".join(state.sentences))
        if state.stale:
            return self._settled(asked, Outcome.INCONCLUSIVE, "stale", said="; ".join(state.sentences))
        return self._compared(asked, known, state.sentences)

    def _compared(self, asked: Asked, known: CircuitBaseline, changes: tuple[str, ...]) -> Question:
        more = {"changes": list(changes)} if changes else {}
        if known.kind == "counts":
            extra = {"against": f"the baseline's {known.total:,} shots", **more}
            return self._plain(asked, "two-sample", recorded=dict(known.outcomes), extra=extra)
        others = self._others(asked.against)
        if changes:
            others = (*self._as_it_is_now(asked), *((f"{_NOW}, {name}", kind, p) for name, kind, p in others))
        return self._distribution(asked, known.probabilities(), "the baseline", others, **more)

    def _as_it_is_now(self, asked: Asked) -> Iterator[tuple[str, str, Mapping[str, float]]]:
        """A changed circuit itself, to be told from its baseline: the baseline keeps no circuit to make faults of."""
        own = self.made.needs.fetch(self.made.own[asked.arm])
        if own is not None:
            yield _NOW, "changed", own.as_dict()

    def identity(self, place: int) -> CircuitIdentity:
        """What an arm's distribution belongs to."""
        arm = self.made.arms[place]
        return identity_of(arm.circuit, self.lab.describe(job_of(self.made.plan, arm.circuit, arm.arm)))

    # ---- headroom

    def _headroom(self, asked: Asked, p: Mapping[str, float] | None = None) -> dict[str, float | None]:
        """How much more noise the assertion would bear, where that can be computed."""
        if not self.made.more:
            return {}
        needs = self.made.needs
        levels: dict[float, Distribution | None] = {1.0: needs.fetch(self.made.own[asked.arm])}
        levels |= {factor: needs.fetch(slots[asked.arm]) for factor, slots in self.made.more.items()}
        known = {factor: found.as_dict() for factor, found in levels.items() if found is not None}
        if len(known) < len(levels):
            return {}
        return {"headroom": headroom(asked.gate, known, p, self._widths(asked))}


def _sizes(sizes: tuple[int, ...]) -> str:
    return " + ".join(map(str, sizes))
