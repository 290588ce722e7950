"""The command line: one file per command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the console script: run the command and exit with its code."""
    _open_streams()
    from sizewise.interrupting import Interruptions

    interruptions = Interruptions()
    interruptions.listen()  # before all else: to import the rest takes a while
    from sizewise.cli.front import run_command_line

    code = run_command_line(sys.argv[1:], interruptions)
    _drop_what_can_not_be_printed()
    sys.exit(code)


def _open_streams() -> None:
    """Open those of the three standard streams that the caller closed (``>&-``). Else the next
    files that are opened have their numbers, and a library prints into an engine."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number
    sys.stdin = sys.stdin or os.fdopen(0, "r", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _drop_what_can_not_be_printed() -> None:
    """Python would try again when it ends, and exit with a code of its own, 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
