"""A process that has imported what takes seconds, and lives a command as often as it is told.

Each life is a fork of it with children of its own, under the shim of ``tests.faults.lives``.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.faults.lives import (
    ROOT,
    Control,
    Fault,
    Life,
    operations_of,
    set_up,
    shim,
    survivors_of,
)

_STEP_S = 0.01


class Ready:
    """The process, and what it shares with the shim of all that it starts. A context manager."""

    def __init__(self, modules: Sequence[str], scratch: Path) -> None:
        """``scratch`` is an empty folder of ours."""
        self._said = scratch / "said"
        self._file = tempfile.NamedTemporaryFile(prefix="faults-")  # noqa: SIM115 - until the end
        self._file.truncate(ctypes.sizeof(Control))
        self._shared = mmap.mmap(self._file.fileno(), ctypes.sizeof(Control))
        surroundings = {
            **shim(),
            "PYTHONPATH": str(ROOT),
            "FAULTS_CONTROL": self._file.name,
            "MPLCONFIGDIR": str(scratch / "matplotlib"),
            "PYTHONHASHSEED": "0",  # the order of sets is seen in the bytes that torch.export saves
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.ready", *modules],
            env=os.environ | surroundings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def live(
        self,
        arguments: Sequence[str],
        folder: Path,
        fault: Fault | None = None,
        *,
        variables: Mapping[str, str],
        timeout_s: float = 300.0,
    ) -> Life:
        """As ``tests.faults.lives.live``. An empty variable is taken away."""
        control = Control.from_buffer(self._shared)
        try:
            ctypes.memset(ctypes.addressof(control), 0, ctypes.sizeof(Control))
            set_up(control, folder, fault)
            status = self._told(
                {
                    "arguments": list(arguments),
                    "variables": dict(variables),
                    "said": str(self._said),
                    "timeout_s": timeout_s,
                }
            )
            return Life(
                status=status,
                said=self._said.read_text(encoding="utf-8", errors="replace"),
                hit=bool(control.hit),
                operations=operations_of(control),
                survivors=survivors_of(self._file.name, but=self._process.pid),
            )
        finally:
            del control  # else the mapping can't be closed

    def _told(self, what: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self) -> Ready:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()  # it ends with its last line
        self._shared.close()
        self._file.close()


def main() -> None:
    for module in sys.argv[1:]:
        importlib.import_module(module)
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(told)
        sys.stdout.write(f"{_status(pid, told)}\n")
        sys.stdout.flush()


def _live(told: dict[str, Any]) -> None:
    """Be the command, and end as it does."""
    os.setsid()
    said = os.open(told["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for handle, number in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(handle, number)
    for name, value in told["variables"].items():
        os.environ[name] = value
        if not value:
            del os.environ[name]
    sys.argv = ["sizewise", *told["arguments"]]
    from sizewise.cli import main as command

    command()


def _status(pid: int, told: dict[str, Any]) -> int:
    """Its exit status (negative: a signal). It is killed where it takes too long, and that is
    said."""
    end_s = time.monotonic() + told["timeout_s"]
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end_s:
            os.kill(pid, signal.SIGKILL)
            with Path(told["said"]).open("a") as said:
                said.write(f"\n(it went on for more than {told['timeout_s']:.0f} s)")
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        time.sleep(_STEP_S)


if __name__ == "__main__":
    main()
