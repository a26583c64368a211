"""`group_by`: outcomes put together where telling all of them apart would cost too many shots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.stats.shots.bitstrings import Layout, Mass, fold_by, parity

_KINDS = ("bits", "bins", "observable", "weight")


@dataclass(frozen=True, slots=True, eq=False)
class Grouper:
    """A function from outcomes to group labels. layout: the registers. label: of the bits without spaces."""

    layout: Layout
    label: Callable[[str], str]

    def group(self, outcome: str) -> str:
        """The label of an outcome, as Qiskit writes it. Raises ValueError for what is no outcome."""
        return self.label(self.layout.joined(outcome))

    def fold(self, distribution: Mapping[str, Mass]) -> dict[str, Mass]:
        """Probabilities or counts by group: the same mass, sorted by label."""
        return fold_by(self.group, distribution)


def grouper(spec: object, widths: tuple[int, ...]) -> Grouper:
    """The grouping that a `group_by` asks for.

    Args: spec, one of
      {bits: [0, 3]}: only these bits, numbered over all registers, 0 the rightmost printed; labels as printed;
      {bins: {name: [bitstrings]}, other: name}: declared groups, all else under `other` (default "other");
      {observable: ZZI}: the parity of the bits under Z, "+1" or "-1";
      {weight: true}: the number of ones.
    widths: of the registers in printing order, leftmost first. Raises ValueError with a sentence for the user.
    """
    layout = Layout(widths)
    if not isinstance(spec, Mapping) or sum(kind in spec for kind in _KINDS) != 1:
        raise ValueError(f"group_by needs exactly one of {', '.join(_KINDS)}, not {spec!r}")
    kind = next(kind for kind in _KINDS if kind in spec)
    known = {kind, "other"} if kind == "bins" else {kind}
    if unknown := [str(key) for key in spec if key not in known]:
        raise ValueError(f"group_by with {kind} knows no {', '.join(unknown)}")
    makers = {"bits": _by_bits, "bins": _by_bins, "observable": _by_observable, "weight": _by_weight}
    return Grouper(layout, makers[kind](spec, layout))


def _by_bits(spec: Mapping[str, Any], layout: Layout) -> Callable[[str], str]:
    bits = spec["bits"]
    whole = isinstance(bits, Sequence) and not isinstance(bits, str)
    if not whole or not bits or not all(isinstance(bit, int) and not isinstance(bit, bool) for bit in bits):
        raise ValueError(f"group_by bits is a list of bit numbers, not {bits!r}")
    if outside := [bit for bit in bits if not 0 <= bit < layout.bits]:
        raise ValueError(f"group_by bits: there is no bit {outside[0]}, the bits are 0 to {layout.bits - 1}")
    if len(set(bits)) < len(bits):
        raise ValueError(f"group_by bits names a bit twice: {list(bits)}")
    places = [layout.bits - 1 - bit for bit in sorted(bits, reverse=True)]
    return lambda text: "".join(text[place] for place in places)


def _by_bins(spec: Mapping[str, Any], layout: Layout) -> Callable[[str], str]:
    bins, other = spec["bins"], spec.get("other", "other")
    if not isinstance(bins, Mapping) or not bins:
        raise ValueError(f"group_by bins is a mapping of names to lists of bitstrings, not {bins!r}")
    if wrong := [name for name in (*bins, other) if not isinstance(name, str) or not name]:
        raise ValueError(f"group_by bins: a name is text, not {wrong[0]!r}; quote it")
    home: dict[str, str] = {}
    for name, outcomes in bins.items():
        if not isinstance(outcomes, Sequence) or isinstance(outcomes, str) or not outcomes:
            raise ValueError(f"group_by bins: {name!r} needs a list of bitstrings, not {outcomes!r}")
        for outcome in outcomes:
            bits = _bits_of(name, outcome, layout)
            if bits in home:
                raise ValueError(f"group_by bins: {outcome!r} is in {home[bits]!r} and in {name!r}; it must be in one")
            home[bits] = name
    return lambda text: home.get(text, other)


def _bits_of(name: str, outcome: object, layout: Layout) -> str:
    try:
        return layout.joined(outcome)
    except ValueError as fault:
        raise ValueError(f"group_by bins: {name!r}: {fault}") from None


def _by_observable(spec: Mapping[str, Any], layout: Layout) -> Callable[[str], str]:
    mask = layout.mask(spec["observable"])
    if not mask:
        raise ValueError(f"group_by observable {spec['observable']!r} is +1 for every outcome: it needs a Z")
    return lambda text: f"{parity(int(text, 2), mask):+d}"


def _by_weight(spec: Mapping[str, Any], layout: Layout) -> Callable[[str], str]:
    if spec["weight"] is not True:
        raise ValueError(f"group_by weight takes true, not {spec['weight']!r}")
    return lambda text: str(text.count("1"))
