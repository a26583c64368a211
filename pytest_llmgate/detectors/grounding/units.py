"""Units and scales that follow a number, and what one of them is in the base unit of its kind."""

from __future__ import annotations

from collections.abc import Mapping

SCALES: Mapping[str, float] = {
    "k": 1e3, "thousand": 1e3, "thousands": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "mm": 1e6, "million": 1e6,
    "millions": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9, "billions": 1e9, "tn": 1e12, "trillion": 1e12,
    "hundred": 1e2, "dozen": 12.0,
}  # fmt: skip

CURRENCIES: Mapping[str, str] = {
    "$": "usd", "us$": "usd", "usd": "usd", "dollar": "usd", "dollars": "usd", "€": "eur", "eur": "eur",
    "euro": "eur", "euros": "eur", "£": "gbp", "gbp": "gbp", "¥": "jpy", "jpy": "jpy", "yen": "jpy",
    "₹": "inr", "inr": "inr", "rupees": "inr", "chf": "chf", "francs": "chf",
}  # fmt: skip

_SPELLED: Mapping[tuple[str, float], str] = {
    ("length", 0.001): "mm millimetre millimeter millimetres millimeters",
    ("length", 0.01): "cm centimetre centimeter centimetres centimeters",
    ("length", 1.0): "m metre meter metres meters",
    ("length", 1000.0): "km kilometre kilometer kilometres kilometers",
    ("length", 0.0254): "in inch inches",
    ("length", 0.3048): "ft foot feet",
    ("length", 0.9144): "yd yard yards",
    ("length", 1609.344): "mi mile miles",
    ("mass", 1e-6): "mg milligram milligrams",
    ("mass", 0.001): "g gram grams gramme grammes",
    ("mass", 1.0): "kg kgs kilo kilos kilogram kilograms",
    ("mass", 1000.0): "t ton tons tonne tonnes",
    ("mass", 0.45359237): "lb lbs pound pounds",
    ("mass", 0.028349523): "oz ounce ounces",
    ("duration", 0.001): "ms millisecond milliseconds",
    ("duration", 1.0): "s sec secs second seconds",
    ("duration", 60.0): "min mins minute minutes",
    ("duration", 3600.0): "h hr hrs hour hours",
    ("duration", 86400.0): "day days",
    ("duration", 604800.0): "wk wks week weeks",
    ("duration", 2629800.0): "month months",
    ("duration", 31557600.0): "yr yrs year years",
    ("speed", 1.0): "km/h kph kmh",
    ("speed", 1.609344): "mph",
    ("speed", 3.6): "m/s",
    ("data", 1.0): "byte bytes",
    ("data", 1e3): "kb kilobyte kilobytes",
    ("data", 1e6): "mb megabyte megabytes",
    ("data", 1e9): "gb gigabyte gigabytes",
    ("data", 1e12): "tb terabyte terabytes",
    ("volume", 0.001): "ml millilitre milliliter millilitres milliliters",
    ("volume", 1.0): "l litre liter litres liters",
    ("volume", 3.785411784): "gallon gallons gal",
    ("area", 1.0): "m² m2 sqm",
    ("area", 1e6): "km² km2",
    ("area", 1e4): "ha hectare hectares",
    ("area", 4046.8564): "acre acres",
    ("power", 1.0): "w watt watts",
    ("power", 1e3): "kw kilowatt kilowatts",
    ("power", 1e6): "mw megawatt megawatts",
    ("power", 1e9): "gw gigawatt gigawatts",
    ("energy", 1.0): "wh",
    ("energy", 1e3): "kwh",
    ("energy", 1e6): "mwh",
    ("percent", 1.0): "% percent pct percentage",
    ("usd-cent", 1.0): "cent cents",
}

UNITS: Mapping[str, tuple[str, float]] = {
    name: (kind, size) for (kind, size), names in _SPELLED.items() for name in names.split()
}
"""Unit in lower case → (kind, size in the base unit: metre, kilogram, second, km/h, byte, litre, m², watt, Wh)."""

PHRASES: Mapping[str, tuple[str, float]] = {
    "per cent": ("percent", 1.0),
    "percentage points": ("percent", 1.0),
    "kilometres per hour": ("speed", 1.0),
    "kilometers per hour": ("speed", 1.0),
    "miles per hour": ("speed", 1.609344),
    "metres per second": ("speed", 3.6),
    "meters per second": ("speed", 3.6),
    "square metres": ("area", 1.0),
    "square meters": ("area", 1.0),
    "square kilometres": ("area", 1e6),
    "square kilometers": ("area", 1e6),
    "square miles": ("area", 2589988.11),
    "sq km": ("area", 1e6),
    "square feet": ("area", 0.09290304),
    "sq ft": ("area", 0.09290304),
    "degrees celsius": ("celsius", 1.0),
    "degrees fahrenheit": ("fahrenheit", 1.0),
    "°c": ("celsius", 1.0),
    "°f": ("fahrenheit", 1.0),
    "° c": ("celsius", 1.0),
    "° f": ("fahrenheit", 1.0),
}
"""Units of several words or signs, looked for before the single ones."""

PAIRED_UNITS: Mapping[str, tuple[str, float]] = {"m": ("length", 1.0), "mm": ("length", 0.001)}
"""Signs that are a scale as well as a unit: both readings are kept."""

BARE = frozenset(["m", "g", "s", "t", "h", "l", "b", "k", "w", "in", "min"])
"""Signs too short to be believed in capitals or far from the digits."""


def celsius(fahrenheit: float) -> float:
    """Degrees Celsius of degrees Fahrenheit."""
    return (fahrenheit - 32.0) / 1.8
