"""How commands end: a problem is told and exits with 2, a fault of our own with 4."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from pytest_llmgate.core.errors import LlmgateError

EXIT = {"pass": 0, "fail": 1, "inconclusive": 3, "error": 4}
_USAGE = 2


def told(command: Callable[..., None]) -> Callable[..., None]:
    """Turn problems into lines on stderr and exit code 2. Our own faults end with 4: 1 would say that a gate failed."""

    @wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except LlmgateError as fault:
            click.echo(str(fault), err=True)
            sys.exit(_USAGE)
        except OSError:  # such as a closed pipe: click knows what to do
            raise
        except Exception:
            traceback.print_exc()
            sys.exit(EXIT["error"])

    return wrapper


def show(lines: list[str]) -> None:
    """Print lines."""
    for line in lines:
        click.echo(line)
