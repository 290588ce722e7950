"""What processes open, native code too: files that nobody may open, and all that were opened.

Two ways see different things. Linux tells of every open and read of a watched file, under whatever
name (inotify(7)). strace, where it is installed and may trace, sees every open of a process and its
children, with the path that it led to.
"""

from __future__ import annotations

import ctypes
import os
import re
import struct
from collections.abc import Iterable
from pathlib import Path

_EVENT = struct.Struct("iIII")
_READ, _OPENED = 0x1, 0x20
_NO_WAITING = os.O_NONBLOCK | os.O_CLOEXEC if os.name == "posix" else 0
_MOST_BYTES = 65536
_LED_TO = re.compile(rb"= \d+<(.+?)>(?:\(deleted\))?$")
_ESCAPED = re.compile(rb"\\([0-7]{1,3})")


class Canaries:
    """Files that are watched until it is closed. Raises OSError where Linux does not watch."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._called(self._libc.inotify_init1(_NO_WAITING))
        self._names = {self._watched(file): file.name for file in files}

    def touched(self) -> list[str]:
        """The names of files that were opened or read since it was last asked."""
        found: set[str] = set()
        while events := self._read():
            place = 0
            while place < len(events):
                watch, _, _, length = _EVENT.unpack_from(events, place)
                found.add(self._names.get(watch, "events that were lost"))
                place += _EVENT.size + length
        return sorted(found)

    def close(self) -> None:
        os.close(self._handle)

    def _watched(self, file: Path) -> int:
        path = os.fsencode(file)
        return self._called(self._libc.inotify_add_watch(self._handle, path, _READ | _OPENED))

    def _called(self, answer: int) -> int:
        if answer < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return answer

    def _read(self) -> bytes:
        try:
            return os.read(self._handle, _MOST_BYTES)
        except BlockingIOError:
            return b""


class Opens:
    """The paths that were opened under strace, by what it wrote into the file ``told``."""

    def __init__(self, told: Path) -> None:
        self._told = told
        self._place = 0

    @property
    def command(self) -> tuple[str, ...]:
        """What comes before a command to trace it."""
        calls = "trace=open,openat,openat2,creat"
        told = str(self._told)
        # --seccomp-bpf stops at no other system call; -y shows where a descriptor leads.
        return "strace", "-f", "-y", "-qq", "--seccomp-bpf", "-e", calls, "-o", told

    def further(self) -> list[str]:
        """The paths that were opened since it was last asked, as the system resolved them."""
        with self._told.open("rb") as file:
            file.seek(self._place)
            whole, _, rest = file.read().rpartition(b"\n")
            self._place = file.tell() - len(rest)
        found = (_LED_TO.search(line) for line in whole.splitlines())
        return [_path(match[1]) for match in found if match]


def _path(shown: bytes) -> str:
    """strace shows what is not ASCII in octal."""
    path = _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), shown)
    return path.decode(errors="replace")
