"""Rates as people read them."""


def percent(rate: float) -> str:
    """A rate in percent: `95 %`, `97.5 %`, `99.95 %`; one that is small but not 0 is never shown as `0 %`."""
    return f"{round(rate * 100, 2):g} %" if rate >= 0.001 or rate <= 0 else f"{rate * 100:.2g} %"
