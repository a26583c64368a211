"""One child process per session for templates that this process should not render itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path
from threading import Lock, Timer
from typing import Any

from pytest_llmgate.core.codec import plain
from pytest_llmgate.subjects.sandbox import RenderFault

RENDER_S = 2.0  # wall time of one rendering
START_S = 60.0  # a loaded machine may take long to start a process

_START = "import sys; sys.path += sys.argv[1:]; from pytest_llmgate.subjects.render_worker import main; main()"
_INHERITED = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # what an interpreter may need to start


class Guard:
    """Renders templates in a child with little memory and time; starts it at first need, again after a kill.

    The child sees no environment variable of ours, so no key. It ends with this process.
    """

    def __init__(self, render_s: float = RENDER_S) -> None:
        self._render_s = render_s
        self._child: subprocess.Popen[str] | None = None
        self._lock = Lock()

    def render(self, source: str, values: Mapping[str, Any], room: int) -> str:
        """The text of a template, at most `room` characters; raises RenderFault."""
        try:
            request = json.dumps({"source": source, "values": plain(values), "room": room}, default=str)
        except (RecursionError, TypeError, ValueError) as fault:
            raise RenderFault("render", f"a value has no JSON form: {fault}") from None
        with self._lock:
            line = self._exchange(request)
        if line is None:
            raise RenderFault("limits", f"stopped, because it takes more than {self._render_s:g} s or too much memory")
        answer = json.loads(line)
        if "text" in answer:
            return str(answer["text"])
        raise RenderFault(answer["kind"], answer["message"], answer["line"])

    def close(self) -> None:
        """End the child, if there is one."""
        with self._lock:
            self._stop()

    def _exchange(self, request: str) -> str | None:
        """The child's answer, or None where it had to be stopped."""
        child = self._child or self._started()
        timer = Timer(self._render_s, child.kill)
        timer.start()
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(request + "\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except OSError:  # it died while we wrote
            line = ""
        finally:
            timer.cancel()
        if line.endswith("\n"):
            return line
        self._stop()
        return None

    def _started(self) -> subprocess.Popen[str]:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
            [sys.executable, "-I", "-c", _START, *_import_paths()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="ascii",
            env={name: os.environ[name] for name in _INHERITED if name in os.environ},
        )
        self._child = child
        weakref.finalize(self, _end, child)
        timer = Timer(START_S, child.kill)
        timer.start()
        assert child.stdout is not None
        ready = child.stdout.readline()
        timer.cancel()
        if not ready:
            self._stop()
            raise RenderFault("limits", "could not be rendered: the guarded process does not start")
        return child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            _end(child)


def _end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what was left to write has no reader any more
                continue


def _import_paths() -> list[str]:
    """Folders of our package and of jinja2, behind the child's own: nothing of the user's shadows a module."""
    import jinja2
    import markupsafe

    import pytest_llmgate

    homes = (pytest_llmgate.__file__, jinja2.__file__, markupsafe.__file__)
    return list(dict.fromkeys(str(Path(home).parent.parent) for home in homes))
