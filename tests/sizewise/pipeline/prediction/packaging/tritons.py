"""NVIDIA's own server on loopback, out of an environment with the package nvidia-pytriton.

That package pins NumPy 1 and a newer tritonclient than the rest of our tests, and its Python back
end crashes with NumPy 2: so it has an environment of its own (``make test-triton``), which the
variable SIZEWISE_TRITON names.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

VARIABLE = "SIZEWISE_TRITON"
_STARTING_S = 120


@dataclass(frozen=True)
class Triton:
    """Addresses of a server that is ready: host and port."""

    http: str
    grpc: str


def environment() -> Path | None:
    """The environment with the server; None where there is none."""
    named = os.environ.get(VARIABLE)
    return Path(named).absolute() if named else None


@contextmanager
def serving(prefix: Path, repository: Path) -> Iterator[Triton]:
    """The models of ``repository``, served until the block ends.

    They are copied to a folder with a plain name: the Python back end hands paths to a shell as
    they are, so spaces and parentheses break it.
    """
    with TemporaryDirectory(prefix="triton-", dir="/tmp") as plain:
        scratch = Path(plain)
        with _serving(prefix, Path(shutil.copytree(repository, scratch / "models")), scratch) as it:
            yield it


@contextmanager
def _serving(prefix: Path, repository: Path, scratch: Path) -> Iterator[Triton]:
    (packages,) = prefix.glob("lib/python3*/site-packages")
    home = packages / "pytriton" / "tritonserver"
    ports = _free_ports()
    command = (
        *(home / "bin" / "tritonserver", f"--model-repository={repository}"),
        f"--backend-directory={_backends(home, scratch)}",
        *("--http-address=127.0.0.1", f"--http-port={ports[0]}"),
        *("--grpc-address=127.0.0.1", f"--grpc-port={ports[1]}"),
        *("--allow-metrics=false", "--exit-timeout-secs=5"),
    )
    variables = os.environ | {
        "PATH": f"{prefix / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "LD_LIBRARY_PATH": str(packages / "nvidia_pytriton.libs"),
    }
    log = scratch / "triton.log"
    with log.open("wb") as file:
        server = subprocess.Popen(command, env=variables, stdout=file, stderr=file)
        try:
            _wait_until_ready(server, f"http://127.0.0.1:{ports[0]}/v2/health/ready", log)
            yield Triton(*(f"127.0.0.1:{port}" for port in ports))
        finally:
            server.terminate()
            server.wait(60)


def _backends(home: Path, scratch: Path) -> Path:
    """The Python back end, with the program for this version of Python in it."""
    folder = scratch / "backends"
    shutil.copytree(home / "backends" / "python", folder / "python")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = home / "python_backend_stubs" / version / "triton_python_backend_stub"
    shutil.copy(stub, folder / "python")
    return folder


def _free_ports() -> list[int]:
    sockets = [socket.socket() for _ in range(2)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end_s = time.monotonic() + _STARTING_S
    while time.monotonic() < end_s:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-4000:])
