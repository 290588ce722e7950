"""Commands whose use of the network is watched, in a fresh home.

Two ways see different things:

- strace, where it is installed and may trace, sees the system calls of all processes and threads,
  those of native code too: every socket of the internet, also those to a server of names. What a
  system's own daemon of names (nscd) is asked it does not tell: users are looked up there, too.
- An audit hook in each Python process sees what Python code does with sockets and names, and
  nothing of native code: a library's own uploader would be missed.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_HOOK = """
import os, sys
_EVENTS = (
    "socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo",
    "socket.gethostbyname", "socket.gethostbyaddr", "urllib.Request", "http.client.connect",
)
_FILE = os.open(os.environ["TEST_WATCHED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def _note(event, arguments):
    if event in _EVENTS:
        os.write(_FILE, f"{event} {arguments[1:]!r}\\n".encode())
sys.addaudithook(_note)
os.write(_FILE, b"started\\n")
"""
_SENDING = re.compile(r"AF_INET6?\b|sin6?_addr")
_HOME = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
_OURS = (
    *("ORT_DISABLE_TELEMETRY", "MPLCONFIGDIR", "SIZEWISE_KEY_FILE"),
    *("HF_HOME", "TORCH_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR"),
)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What a command did: ``calls`` of the network that strace saw (None where it can't trace),
    ``events`` that Python processes told, how many of these ``processes`` there were, and the
    ``files`` that it left in its home."""

    said: subprocess.CompletedProcess[str]
    calls: list[str] | None
    events: list[str]
    processes: int
    files: list[str]


@functools.cache
def can_trace() -> bool:
    """Whether strace is here, and the system lets it trace."""
    tool = shutil.which("strace")
    probe = [*_strace(Path(os.devnull)), "true"]
    return (
        tool is not None and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    )


def watch(command: Sequence[str], folder: Path) -> Watched:
    """Run a command to its end; ``folder`` is empty, and holds its home afterwards."""
    home, hook, told, traced = (folder / name for name in ("home", "hook", "told", "traced"))
    for made in (home, hook):
        made.mkdir()
    (hook / "sitecustomize.py").write_text(_HOOK, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name not in (*_HOME, *_OURS)}
    paths = os.pathsep.join(filter(None, (str(hook), kept.get("PYTHONPATH", ""))))
    said = subprocess.run(
        [*(_strace(traced) if can_trace() else ()), *command],
        env=kept | {"HOME": str(home), "PYTHONPATH": paths, "TEST_WATCHED": str(told)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines()
    return Watched(
        said=said,
        calls=_sending(traced) if can_trace() else None,
        events=[line for line in lines if line != "started"],
        processes=lines.count("started"),
        files=sorted(str(f.relative_to(home)) for f in home.rglob("*") if not f.is_dir()),
    )


def program(text: str) -> tuple[str, ...]:
    """The command that runs a Python program with this interpreter."""
    return sys.executable, "-c", text


def _strace(to: Path) -> tuple[str, ...]:
    # --seccomp-bpf stops at no other system call, so that the command is hardly slower.
    return "strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=network", "-o", str(to)


def _sending(traced: Path) -> list[str]:
    lines = traced.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if _SENDING.search(line)]
