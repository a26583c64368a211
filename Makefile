# One command each; all of them expect the environment that the README's second command makes.
BIN ?= .venv/bin/

.PHONY: format lint types test check
format:
	$(BIN)ruff format .
	$(BIN)ruff check --fix .
lint:
	$(BIN)ruff format --check .
	$(BIN)ruff check .
types:
	$(BIN)mypy
test:
	$(BIN)pytest
check: lint types test
