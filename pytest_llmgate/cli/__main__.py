"""`python -m pytest_llmgate.cli`."""

from pytest_llmgate.cli import main

main()
