"""The faults of a short run: where each operation could fail, and with what.

A write and a rename fail as on a full disk, as on one that has become read-only (both for ever
after), and once, as of a bad block. A new file is refused by a disk that can only be read. A flush
fails once, as of a bad block; some disks only then say that they are full, and the first flush of
each file fails so, too. fsync(2) knows nothing of disks that can only be read.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.faults.lives import Fault, Operation
from tests.faults.short_run import is_of, staged

_ERRORS = {
    "write": (errno.ENOSPC, errno.EIO, errno.EROFS),
    "create": (errno.EROFS,),
    "rename": (errno.ENOSPC, errno.EIO, errno.EROFS),
    "flush": (errno.EIO,),
}
MANY = 20
"""Flushes of one path. Of more, as of the pictures of a data set, which count as one file here,
the first, the middle and the last are taken."""


@dataclass(frozen=True)
class Case:
    """A fault of a stage."""

    stage: str
    fault: Fault

    def __str__(self) -> str:
        one = self.fault
        named = errno.errorcode[one.action]
        return f"{self.stage}: {named} at {one.op} {one.nth} of {one.path}"


def cases_of(operations: Iterable[Operation]) -> Iterator[Case]:
    """All cases of an undisturbed run: each file's creation, its first, middle and last write, and
    every flush and rename, once for each error that these may have."""
    counts = Counter(staged(operations))
    for (stage, (op, path)), count in counts.items():
        for nth in _chosen(op, count, is_stages_own=is_of(stage, path)):
            first = (errno.ENOSPC,) if (op, nth) == ("flush", 1) else ()
            for number in (*first, *_ERRORS[op]):
                sticky = number != errno.EIO
                yield Case(stage, Fault(op=op, path=path, nth=nth, action=number, sticky=sticky))


def _chosen(op: str, count: int, *, is_stages_own: bool) -> list[int]:
    """Which of ``count`` operations fail, from 1 on. Folders that several stages work in are probed
    by all of them, before each begins."""
    if op == "flush" and count > MANY:
        return _three_of(count)
    if op in ("flush", "rename"):
        return list(range(1, count + 1))
    if op == "write" and is_stages_own:
        return _three_of(count)
    return [1] if op == "create" and is_stages_own else []


def _three_of(count: int) -> list[int]:
    """The first, the middle and the last."""
    return sorted({1, (count + 1) // 2, count})
