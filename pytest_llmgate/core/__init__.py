"""Frozen values that every room speaks, and the ports between the rooms. Stdlib only."""
