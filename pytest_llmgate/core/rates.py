"""Rates as people read them."""


def percent(rate: float) -> str:
    """A rate in percent with at most two decimals: `95 %`, `97.5 %`."""
    return f"{round(rate * 100, 2):g} %"
