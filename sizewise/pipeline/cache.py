"""The engines that folders hold: listed, verified, removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines.store.evicting import clear_left_overs, evict, read_bytes
from engines.store.finding import Unfit, examine
from engines.store.stored import Stored, engine_folders, stored_in
from sizewise.core.errors import InputError, UsageError
from sizewise.core.options.declared import option, spelled
from sizewise.core.options.reading import Reader
from sizewise.core.progress import SILENT, Progress

ACTIONS = ("list", "verify", "prune", "path")


def _bytes(given: object) -> int | None:
    return given if given is None or isinstance(given, int) else read_bytes(str(given))


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """``limit`` is in bytes; None: any size."""

    limit: int | None = option(
        Reader(_bytes, "BYTES"),
        None,
        help="Size that all engines may take, as in 20GB. Those not used for longest are removed.",
        group="Prune",
        shown="any size",
    )


@dataclass(frozen=True, kw_only=True)
class Checked:
    """An engine, and ``why`` no command would take it; empty where it would be taken."""

    path: Path
    why: str


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was removed, the bytes that all engines take now, and folders whose engines had to stay
    above the limit: other processes use them."""

    removed: tuple[Stored, ...]
    left_bytes: int
    busy: tuple[Path, ...]


def demand_action(action: str, options: CacheOptions) -> None:
    """Raises UsageError where there is no such action, or it takes no such option."""
    if action not in ACTIONS:
        todo = f"Choose from: {', '.join(ACTIONS)}."
        raise UsageError(f"Invalid value {action!r} for ACTION", "", todo)
    if options.limit is not None and action != "prune":
        what = f"{spelled('limit')} can't be given for {action}"
        raise UsageError(what, "only prune removes engines", "Leave it out.")


def cache_folders(root: Path) -> tuple[Path, ...]:
    """The folders at or below ``root`` that hold engines. Raises InputError."""
    if not root.is_dir():
        why = "it is a file" if root.exists() else "there is no such folder"
        todo = "Name a folder that commands wrote engines into, or one above it."
        raise InputError(f"{root} can't be searched for engines", why, todo)
    return engine_folders(root)


def list_cache(root: Path) -> tuple[Stored, ...]:
    """All that lies in folders of engines at or below ``root``. Raises InputError."""
    return tuple(one for folder in cache_folders(root) for one in stored_in(folder))


def verify_cache(root: Path, progress: Progress = SILENT) -> tuple[Checked, ...]:
    """Each engine at or below ``root``: signed by this user, unchanged, and of this machine. Raises
    InputError where the user's key can't be used, too."""
    engines = [one.path for one in list_cache(root) if one.kind == "engine"]
    checked = []
    with progress.stage("Verifying engines", len(engines)) as stage:
        for path in engines:
            found = examine(path)
            checked.append(Checked(path=path, why=found.why if isinstance(found, Unfit) else ""))
            stage.advance(note=path.name)
    return tuple(checked)


def prune_cache(root: Path, options: CacheOptions) -> Pruned:
    """Remove what dead builders left and engines that were set aside; with a limit, also engines
    that were not used for longest. What is in use stays. Raises InputError."""
    folders = cache_folders(root)
    removed = [one for folder in folders for one in clear_left_overs(folder)]
    if options.limit is None:
        return Pruned(removed=tuple(removed), left_bytes=_bytes_in(folders), busy=())
    found = evict(folders, options.limit)
    return Pruned(removed=(*removed, *found.removed), left_bytes=found.left_bytes, busy=found.busy)


def _bytes_in(folders: tuple[Path, ...]) -> int:
    return sum(one.size_bytes for folder in folders for one in stored_in(folder))
