"""The pictures that a user names, and the files that the drawn ones go to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netzoo.data.decoding import SUFFIXES
from netzoo.data.reading import reading
from sizewise.core.errors import InputError, UsageError

_JPEG = (".jpg", ".jpeg")


def find_pictures(given: Sequence[Path]) -> tuple[Path, ...]:
    """``given`` in their order, each once; in place of a folder the pictures right in it, by name.

    Raises InputError where a folder has none or can't be read.
    """
    found: dict[Path, None] = {}
    for path in given:
        with reading(path):
            pictures = _pictures_in(path) if path.is_dir() else (path,)
        found |= dict.fromkeys(pictures)
    return tuple(found)


def _pictures_in(folder: Path) -> tuple[Path, ...]:
    found = tuple(
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not found:
        raise InputError(
            f"There are no pictures in {folder}",
            f"none of its files ends in {', '.join(SUFFIXES)}",
            "Name a folder that has some; folders within it are not looked into.",
        )
    return found


def name_drawings(pictures: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """A file in ``folder`` for each of ``pictures``: of its name, JPEG for JPEG and else PNG, with
    a number where another has the name. Raises UsageError where ``folder`` is that of a picture.
    """
    for path in pictures:
        if path.parent.resolve() == folder.resolve():
            raise UsageError(
                f"The drawn pictures can't go to {folder}",
                f"{path.name} lies there, and might be overwritten",
                "Choose another folder with --out.",
            )
    taken: set[str] = set()
    return tuple(folder / _free_name(path, taken) for path in pictures)


def _free_name(path: Path, taken: set[str]) -> str:
    """Differing in more than case, as some file systems don't see that."""
    suffix = path.suffix if path.suffix.lower() in _JPEG else ".png"
    name, number = f"{path.stem}{suffix}", 1
    while name.casefold() in taken:
        number += 1
        name = f"{path.stem}-{number}{suffix}"
    taken.add(name.casefold())
    return name
