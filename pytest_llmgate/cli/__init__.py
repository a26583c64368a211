"""The `llmgate` command: plans and recorded runs, without pytest."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script."""
    from pytest_llmgate.cli.commands import cli

    cli()


__all__ = ["main"]
