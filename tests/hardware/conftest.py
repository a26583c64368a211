"""What no test needs that only simulates: IBM's client, a server that behaves like IBM's, and a Python that has both.

They are installed for the session alone, as localqpu brings a pytest plugin of its own that would slow down every run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = {"qiskit_ibm_runtime": "qiskit-ibm-runtime>=0.51", "localqpu": "localqpu>=0.3"}
NO_INDEX = re.compile(r"No matching distribution|connection broken|NewConnection|ConnectTimeout|ReadTimeout|ProxyError")
PATIENCE_S = 300


@dataclass(frozen=True)
class Equipped:
    """A Python with this environment's packages, this repository and IBM's client. scripts: where its commands lie."""

    python: Path

    @property
    def scripts(self) -> Path:
        return self.python.parent

    def start(self, *command: str, cwd: Path, **environ: str) -> subprocess.Popen[str]:
        """A process of it, that writes into one pipe; nothing of this run's pytest reaches it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_") and name != "CI"}
        return subprocess.Popen(
            [str(self.python), *command], cwd=cwd, env={**kept, "NO_PROXY": "*", **environ}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *command: str, cwd: Path, **environ: str) -> tuple[int, str]:
        """A process of it that is waited for: its exit code, and what it printed."""
        return ended(self.start(*command, cwd=cwd, **environ))


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a process: its exit code, and what it printed."""
    try:
        text, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return process.returncode, text


@pytest.fixture(scope="session")
def equipped(tmp_path_factory: pytest.TempPathFactory) -> Equipped:
    """An environment beside this one, with what it lacks; skips where pip reaches no index."""
    folder = tmp_path_factory.mktemp("equipped") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    mine = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})["purelib"]
    here = {path: None for name in ("purelib", "platlib") for path in [sysconfig.get_paths()[name]]}
    Path(mine, "outer.pth").write_text("\n".join([str(REPOSITORY), *here]))
    lacking = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if lacking:
        _install(python, lacking)
    return Equipped(python)


def _install(python: Path, packages: list[str]) -> None:
    if find_spec("pip") is None:
        pytest.skip("there is no pip to install IBM's client with")
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--retries=1",
        "--disable-pip-version-check",
        *packages,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    if done.returncode and NO_INDEX.search(done.stderr):
        pytest.skip(f"pip cannot reach an index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def port(equipped: Equipped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server on a free port of this machine."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    script = Path(equipped.scripts, "localqpu")
    if not script.exists():  # it was there already
        script = Path(sys.executable).with_name("localqpu")
    command = [str(equipped.python), str(script), "start", "--port", "0", "--backends", "ibm_brisbane"]
    with open(log, "wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield _port_of(server, log)
    finally:
        server.terminate()
        server.wait(30)


def _port_of(server: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text(encoding="utf-8"))
        if found:
            return int(found[1])
        time.sleep(0.1)
    raise AssertionError(f"the server did not start: {log.read_text(encoding='utf-8')}")
