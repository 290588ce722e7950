"""Lives of a command, in one of whose writes, flushes or renames something goes wrong.

``shim.c`` does it: it stands between the command with all its children and the C library. So what
is counted and hit is what any of them does below one folder, the libraries' own writes included.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
SHIM = Path(__file__).with_name("shim.c")
KILL_BEFORE, KILL_AFTER = -1, -2
FAREWELL_S = 10.0
"""After which what a command started must be gone."""
_LOG_BYTES = 1 << 22

Operation = tuple[str, str]
"""What is done (write, flush, rename, create, change), and to which path below the folder; keys,
tokens and long numbers in it are ``*``."""


class _Slot(ctypes.Structure):
    _fields_ = (("key", ctypes.c_uint64), ("count", ctypes.c_int32))


class Control(ctypes.Structure):
    """``struct control`` of shim.c."""

    _fields_ = (
        ("root", ctypes.c_char * 4096),
        ("path", ctypes.c_char * 4096),
        ("op", ctypes.c_char * 16),
        *(
            (name, ctypes.c_int32)
            for name in ("nth", "action", "sticky", "victim", "hit", "length")
        ),
        ("slots", _Slot * 4096),
        ("log", ctypes.c_char * _LOG_BYTES),
    )


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The ``nth`` operation of a kind on a file (from 1 on) fails with a number of errno, or the
    command is killed before or after it. ``sticky``: whatever follows fails, too."""

    op: str
    path: str
    nth: int
    action: int
    sticky: bool = False


@dataclass(frozen=True, kw_only=True)
class Life:
    """How a command ended: its exit status (negative: a signal), what it said, whether its fault
    was met, all operations that it did below the folder, and what it left running."""

    status: int
    said: str
    hit: bool
    operations: tuple[Operation, ...]
    survivors: tuple[str, ...]


def can_be_lived() -> bool:
    """Whether the shim can be built and loaded here."""
    return sys.platform == "linux" and shutil.which("cc") is not None


@functools.cache
def shim() -> Mapping[str, str]:
    """The variables that load the library, which is built once for this process. It is found by its
    folder: a path with a space can't be preloaded."""
    built = Path(tempfile.mkdtemp()) / "shim.so"
    command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(built), str(SHIM), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    folders = (str(built.parent), os.environ.get("LD_LIBRARY_PATH", ""))
    return {"LD_PRELOAD": built.name, "LD_LIBRARY_PATH": ":".join(filter(None, folders))}


def live(
    arguments: Sequence[str],
    folder: Path,
    fault: Fault | None = None,
    *,
    meanwhile: Callable[[subprocess.Popen[str]], object] = lambda process: None,
    variables: Mapping[str, str] | None = None,
    timeout_s: float = 300.0,
) -> Life:
    """Run ``sizewise`` with these arguments to its end, whatever that is. Operations below
    ``folder`` are counted. ``meanwhile`` is called once with the process, when it has begun."""
    with tempfile.NamedTemporaryFile(prefix="faults-") as file:
        file.truncate(ctypes.sizeof(Control))
        with mmap.mmap(file.fileno(), ctypes.sizeof(Control)) as shared:
            control = Control.from_buffer(shared)
            set_up(control, folder, fault)
            try:
                surroundings = {"FAULTS_CONTROL": file.name, **(variables or {})}
                with _begin(arguments, surroundings) as process:
                    control.victim = process.pid  # long before its first operation: it imports
                    meanwhile(process)
                    said = _listen(process, timeout_s)
                return Life(
                    status=process.returncode,
                    said=said,
                    hit=bool(control.hit),
                    operations=operations_of(control),
                    survivors=survivors_of(file.name),
                )
            finally:
                del control  # else the mapping can't be closed


def _begin(arguments: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[str]:
    program = "from sizewise.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | shim() | {"PYTHONPATH": str(ROOT)} | dict(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def _listen(process: subprocess.Popen[str], timeout_s: float) -> str:
    try:
        return process.communicate(timeout=timeout_s)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return f"{process.communicate()[0]}\n(it went on for more than {timeout_s:.0f} s)"


def set_up(control: Control, folder: Path, fault: Fault | None) -> None:
    """Say what is watched, and what is to go wrong, in a control that is all zeros."""
    control.root = str(folder.resolve()).encode()
    if fault is not None:
        control.path, control.op = fault.path.encode(), fault.op.encode()
        control.nth, control.action = fault.nth, fault.action
        control.sticky = fault.sticky


def operations_of(control: Control) -> tuple[Operation, ...]:
    """What was done below the folder so far."""
    text = ctypes.string_at(ctypes.byref(control, Control.log.offset), control.length)
    assert control.length < _LOG_BYTES, "there were more operations than the log holds"
    lines = text.decode(errors="replace").splitlines()
    return tuple((op, path) for op, _, path in (line.partition("\t") for line in lines))


def survivors_of(name: str, but: int = 0) -> tuple[str, ...]:
    """What goes on after a time in which it should have ended, of all whose control is the file
    ``name``, ``but`` for one process."""
    end_s = time.monotonic() + FAREWELL_S
    while found := _running(name, but):
        if time.monotonic() > end_s:
            break
        time.sleep(0.02)
    return found


def _running(name: str, but: int) -> tuple[str, ...]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != but and process.environ().get("FAULTS_CONTROL") == name:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:  # gone meanwhile, dead but not buried, or somebody else's
            continue
    return tuple(found)
