"""What the gate costs, measured: `python -m benchmarks`. Commands, not tests: nothing here runs in the test suite."""
