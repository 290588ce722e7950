"""Room for new engines: those that were not used for longest are removed, never one in use."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engines.store.locks import if_free
from engines.store.names import discard, home_of, lock_of
from engines.store.stored import Stored, stored_in
from engines.store.using import was_given, without_others
from sizewise.core.errors import UsageError
from sizewise.core.files import remove_all

LIMIT = "SIZEWISE_CACHE_LIMIT"
"""The variable that says what each folder of engines may take."""
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    f"{letter}IB": 1 << 10 * power for power, letter in enumerate("KMGT", 1)
}
HOW = "Give bytes as a whole number, or as in 500MB or 20GiB."


@dataclass(frozen=True)
class Evicted:
    """What was removed, the bytes that are left, and folders of which nothing was removed because
    other processes use them (or because they have no locks to tell)."""

    removed: tuple[Stored, ...]
    left_bytes: int
    busy: tuple[Path, ...]


def read_bytes(text: str) -> int:
    """``20GB`` as a number. Raises ValueError, which says how to write one."""
    found = re.fullmatch(r"(\d{1,15})\s*([A-Z]*)", text.strip().upper())
    if found is None or found[2] not in _UNITS:
        raise ValueError(HOW)
    return int(found[1]) * _UNITS[found[2]]


def usual_limit() -> int | None:
    """What the user allows each folder, in bytes; None: any size. Raises UsageError."""
    if not (text := os.environ.get(LIMIT, "")):
        return None
    try:
        return read_bytes(text)
    except ValueError as error:
        raise UsageError(f"The variable {LIMIT} can't be read", f"it is {text!r}", HOW) from error


def evict(folders: Iterable[Path], limit_bytes: int) -> Evicted:
    """Remove engines of ``folders`` until all take ``limit_bytes`` at most. Those that were set
    aside go first, then those that were not used for longest."""
    removed: list[Stored] = []
    with ExitStack() as held:
        alone = {folder: held.enter_context(without_others(folder)) for folder in folders}
        held_there = [one for folder in alone for one in stored_in(folder)]
        left = sum(one.size_bytes for one in held_there)
        for one in sorted(held_there, key=_worth):
            if left <= limit_bytes:
                break
            if alone[one.path.parent] and _may_go(one) and discard(one.path):
                removed.append(one)
                left -= one.size_bytes
    busy = tuple(folder for folder, is_alone in alone.items() if not is_alone)
    return Evicted(tuple(removed), left, busy if left > limit_bytes else ())


def clear_left_overs(folder: Path) -> tuple[Stored, ...]:
    """Remove what dead builders left in ``folder``, and engines that were set aside; not what is in
    use. Gives what was removed."""
    return tuple(one for one in stored_in(folder) if one.kind != "engine" and _clear(one))


def keep_within(folder: Path, limit_bytes: int, remark: Callable[[str], None]) -> None:
    """Keep a folder below the user's limit, and say what that took."""
    found = evict((folder,), limit_bytes)
    if found.removed:
        names = ", ".join(one.path.name for one in found.removed)
        remark(
            f"{LIMIT} allows {limit_bytes:,} bytes: what was not used for longest was removed from "
            f"{folder}: {names}."
        )
    if found.left_bytes > limit_bytes:
        remark(
            f"{folder} takes {found.left_bytes:,} bytes, more than {LIMIT} allows: what is left "
            "may be in use."
        )


def _worth(one: Stored) -> tuple[bool, float]:
    """What goes last has the most. A time in the future is that of another clock."""
    return one.kind == "engine", min(one.used_s, time.time())


def _may_go(one: Stored) -> bool:
    return one.kind in ("engine", "aside") and not was_given(one.path) and not one.is_open


def _clear(one: Stored) -> bool:
    if one.kind == "aside":
        return not one.is_open and discard(one.path)
    with if_free(lock_of(home_of(one.path))) as free:
        if free and one.kind == "draft":
            remove_all(one.path)
    return free and not one.path.exists()
