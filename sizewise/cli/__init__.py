"""The command line: one file per command."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the console script: run the command and exit with its code."""
    from sizewise.cli.front import run_command_line

    sys.exit(run_command_line(sys.argv[1:]))
