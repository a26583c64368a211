"""Bitstrings as Qiskit writes them, and probabilities over them: c[0] rightmost, the last register first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_llmgate.core.errors import LlmgateError, Where, problem

SUM_TOLERANCE = 1e-6
_SHOWN = 40  # characters of a value in a message


def widths(circuit: Any) -> tuple[int, ...]:
    """Bits of every classical register in the order in which they are printed, leftmost first.

    circuit: a QuantumCircuit; classical bits without any register count as one.
    """
    return tuple(register.size for register in reversed(circuit.cregs)) or (circuit.num_clbits,)


def check_bitstrings(strings: Iterable[Any], widths: Sequence[int], where: Where | None) -> None:
    """See that every string is an outcome of registers of these widths. Raises `circuit-bitstring` for the first."""
    for string in strings:
        if not isinstance(string, str):
            raise _not_text(string, sum(widths), where)
        groups = string.split(" ")
        if [len(group) for group in groups] != list(widths):
            raise _misfit(string, widths, where)
        if strange := set(string) - set("01 "):
            raise _wrong(f"{string[:_SHOWN]!r} has {sorted(strange)[0]!r} in it", where, "bitstrings hold 0 and 1 only")


def _wrong(message: str, where: Where | None, hint: str) -> LlmgateError:
    return problem("circuit-bitstring", message, where, hint)


def _not_text(value: Any, bits: int, where: Where | None) -> LlmgateError:
    """YAML reads 010 as 8 and 10 as ten: say so, whatever was written."""
    shown = str(value)[:_SHOWN]
    if isinstance(value, int) and not isinstance(value, bool):
        message = f"the outcome {shown} is a number: without quotes YAML reads 010 as 8 and 10 as ten"
    else:
        message = f"the outcome {shown} is a {type(value).__name__}, not a text"
    return _wrong(message, where, f'write it in quotes with all of its bits, such as "{"0" * min(bits, _SHOWN)}"')


def _misfit(string: str, widths: Sequence[int], where: Where | None) -> LlmgateError:
    """The right form, made from the bits that were given where their number is right."""
    shown, bits = string[:_SHOWN], string.replace(" ", "")
    right = spaced(bits, widths) if len(bits) == sum(widths) else " ".join("0" * width for width in widths)[:80]
    if len(widths) == 1:
        count = f"{len(bits)} bit{'s' * (len(bits) != 1)}" if " " not in string else "a space"
        return _wrong(f"{shown!r} has {count}, the register has {widths[0]}", where, f'write it like "{right}"')
    sizes = ", ".join(map(str, widths))
    return _wrong(
        f"{shown!r} does not fit registers of {sizes} bits (the last one first)",
        where,
        f'put a space between registers, like "{right}"',
    )


def spaced(bits: str, widths: Sequence[int]) -> str:
    """A bitstring without spaces, cut into registers."""
    ends = [sum(widths[: index + 1]) for index in range(len(widths))]
    return " ".join(bits[end - width : end] for end, width in zip(ends, widths, strict=True))


def read_distribution(value: Any, widths: Sequence[int], where: Where | None) -> dict[str, float]:
    """A literal distribution, scaled to sum to exactly one, outcomes sorted.

    value: probabilities by bitstring, as a suite holds them. Raises `circuit-bitstring`, `circuit-probabilities`.
    """
    if not isinstance(value, Mapping) or not value:
        raise _impossible("a distribution is a mapping of bitstrings to probabilities", where, 'write {"0": 0.5, …}')
    check_bitstrings(value, widths, where)
    for outcome, share in value.items():
        if isinstance(share, bool) or not isinstance(share, (int, float)):
            raise _impossible(f"the probability of {outcome!r} is {str(share)[:_SHOWN]!r}", where, "write a number")
        if not math.isfinite(share) or share < 0:
            raise _impossible(f"the probability of {outcome!r} is {share}", where, "probabilities are 0 to 1")
    total = math.fsum(value.values())
    if abs(total - 1) > SUM_TOLERANCE:
        counts = total > 1 and all(float(share).is_integer() for share in value.values())
        hint = f"these look like counts: divide them by {total:.0f}" if counts else "give every outcome its share"
        raise _impossible(f"the probabilities sum to {total:.9g}, not to 1", where, hint)
    return {outcome: float(value[outcome]) / total for outcome in sorted(value)}


def _impossible(message: str, where: Where | None, hint: str) -> LlmgateError:
    return problem("circuit-probabilities", message, where, hint)
