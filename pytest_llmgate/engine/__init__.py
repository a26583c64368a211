"""Samples subjects until their gates are decided: ordered fold, look-ahead over tests, limits."""
