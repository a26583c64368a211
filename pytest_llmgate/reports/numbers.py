"""Numbers as people read them."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

_DUST = 1e-6  # what a report shows no digit of
_SHORT = 1e-3


def counted(number: int | None, noun: str) -> str:
    """`1 trial`, `1,200 trials`, or that nobody counted."""
    if number is None:
        return f"{noun}s not measured"
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def money(amount: str | Decimal | None) -> str:
    """Dollars, with as many decimals as a small amount needs; unknown is said, never $0."""
    if amount is None:
        return "cost unknown"
    value = Decimal(amount)
    cents = value >= 10 or value == value.quantize(Decimal("0.01"))
    step = Decimal("0.01") if cents else Decimal("0.0001")
    rounded = value.quantize(step, ROUND_HALF_EVEN)
    if value and not rounded:
        return f"less than ${step}"
    return f"${rounded:f}"


def figure(value: float) -> str:
    """A plain number to three digits, such as `0.0312`, `-1.25`, `12.3`; what is small but not 0 is never `0`."""
    size = abs(value)
    if size < _DUST:
        return "below 0.000001" if value > 0 else "0"
    if size < _SHORT:
        return f"{value:.6f}".rstrip("0")
    return f"{value:.3g}" if size < 1000 else f"{value:,.0f}"


def rough(value: float) -> str:
    """A mean count: whole from 10 on."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
