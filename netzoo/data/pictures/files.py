"""The pictures that a user names, by themselves or by their folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netzoo.data.pictures.decoding import SUFFIXES
from netzoo.data.reading import reading
from sizewise.core.errors import InputError


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
            "Name a folder that has some; pictures in folders within it are not used.",
        )
    return found
