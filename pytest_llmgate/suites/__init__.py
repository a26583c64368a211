"""YAML suites and marker data, compiled to the same plan."""
