"""Circuits as subjects: loading, noise, exact probabilities, simulators, hardware; qiskit is imported where used."""
