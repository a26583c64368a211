"""Rates: of the opposite event, and as people read them."""


def opposite(rate: float) -> float:
    """The rate, from 0 to 1, of the opposite event, without the dust of binary fractions."""
    return round(1.0 - rate, 12)


def percent(rate: float) -> str:
    """A rate from 0 to 1 in percent: `95 %`, `97.5 %`, `99.95 %`; one that is small but not 0 is never `0 %`."""
    return f"{round(rate * 100, 2):g} %" if rate >= 0.001 or rate <= 0 else f"{rate * 100:.2g} %"
