"""The exit codes of the commands. :mod:`sizewise.core.errors` has the rule of 1 and 2."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """A code and its ``meaning``, as ``docs/exit-codes.md`` lists them."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    OK = 0, "Success."
    ERROR = 1, "An error: nothing came of the command, or it stopped."
    USAGE = 2, "Wrong usage: something that you typed, or a key of a configuration file."
    FAILED = 3, "Some of the work failed or was refused. The rest is done and kept."
    INVALID = 4, "Some outputs are no finite numbers, or compare --strict is in doubt."
    REGRESSION = 5, "A regression: sizewise compare found an engine that became slower."
    HANGUP = 129, "Interrupted by SIGHUP: its terminal was closed. Finished work is kept."
    INTERRUPTED = 130, "Interrupted by Ctrl-C. Finished work is kept."
    TERMINATED = 143, "Interrupted by SIGTERM. Finished work is kept."
