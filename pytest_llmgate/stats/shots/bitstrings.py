"""Classical bits of an outcome as Qiskit writes it: c[0] rightmost, the last register first, a space between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

Mass = TypeVar("Mass", int, float)


class Layout(NamedTuple):
    """Widths of the classical registers in printing order, leftmost first.

    Bits are numbered over all registers, from 0 for the rightmost printed one.
    """

    widths: tuple[int, ...]

    @property
    def bits(self) -> int:
        return sum(self.widths)

    @property
    def example(self) -> str:
        """What an outcome looks like, for messages."""
        return '"' + " ".join("0" * width for width in self.widths) + '"'

    def holds(self, outcome: object) -> bool:
        """Whether this is an outcome of these registers."""
        if not isinstance(outcome, str):
            return False
        return tuple(len(part) for part in outcome.split(" ")) == self.widths and set(outcome) <= {"0", "1", " "}

    def joined(self, outcome: object) -> str:
        """The bits without spaces. Raises ValueError for what is no outcome of these registers."""
        if isinstance(outcome, int):
            raise ValueError(f"{outcome!r} is a number: quote bitstrings, or YAML reads 010 as 8")
        if not isinstance(outcome, str) or not self.holds(outcome):
            raise ValueError(f"{outcome!r} is no outcome of these registers, which look like {self.example}")
        return outcome.replace(" ", "")

    def mask(self, pauli: object) -> int:
        """The bits under a Z in a Pauli string of I and Z, such as ZZI.

        Raises ValueError where it does not fit these registers.
        """
        if not isinstance(pauli, str) or len(pauli) != self.bits or not set(pauli) <= {"I", "Z"}:
            raise ValueError(
                f"{pauli!r} is no observable of {self.bits} bits: one I or Z for each bit, in the order in which "
                "bits are printed, without spaces"
            )
        return int("0" + pauli.replace("I", "0").replace("Z", "1"), 2)


def parity(bits: int, mask: int) -> int:
    """+1 where an even number of the masked bits is 1, else -1: the value of a product of Z."""
    return -1 if (bits & mask).bit_count() % 2 else 1


def fold_by(group: Callable[[str], str], distribution: Mapping[str, Mass]) -> dict[str, Mass]:
    """The same mass, or counts, by group, sorted by label. Args: group of an outcome, mass by outcome."""
    folded: dict[str, Mass] = {}
    for outcome, mass in distribution.items():
        label = group(outcome)
        folded[label] = folded[label] + mass if label in folded else mass
    return dict(sorted(folded.items()))
