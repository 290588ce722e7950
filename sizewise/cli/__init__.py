"""The front door: one file per command."""

from __future__ import annotations

import sys


def main() -> None:
    """What the console script calls: check the house, run the command, turn errors to sentences."""
    from sizewise.cli.front import run_command_line

    sys.exit(run_command_line(sys.argv[1:]))
