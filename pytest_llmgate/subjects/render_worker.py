"""The guarded child process: renders templates that could eat memory or time, one JSON line each.

A request is `{"source": text, "values": {…}, "room": characters}`. An answer is `{"text": …}` or `{"kind": …,
"message": …, "line": …}`. The first line out is `{"ready": true}`. The child ends with its input.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any, TextIO

from jinja2 import Template

from pytest_llmgate.subjects.sandbox import RenderFault, compiled, environment, rendered

MEMORY_BYTES = 512 << 20
CPU_S = 2


def main() -> None:
    """Serve standard input until it ends."""
    _limit_memory()
    serve(sys.stdin, sys.stdout)


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer each line of `requests` with a line in `answers`."""
    sandbox = environment()
    templates: dict[str, Template] = {}
    _write(answers, {"ready": True})
    for line in requests:
        _limit_time()
        try:
            request = json.loads(line)
            source = request["source"]
            if source not in templates:
                templates[source] = compiled(sandbox, source)
            answer: dict[str, Any] = {"text": rendered(templates[source], request["values"], request["room"])}
        except RenderFault as fault:
            answer = {"kind": fault.kind, "message": fault.message, "line": fault.line}
        except MemoryError:
            answer = {"kind": "limits", "message": "needs more memory than a prompt may take", "line": None}
        except Exception as fault:  # jinja2 computes constants while it compiles, so anything can be raised
            answer = {"kind": "render", "message": f"{type(fault).__name__}: {fault}"[:300], "line": None}
        _write(answers, answer)


def _write(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):  # no such limit on this platform
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _limit_time() -> None:
    """Allow CPU_S seconds from now: the limit is on the whole process, so it moves with each request."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime) + 1 + CPU_S
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main()
