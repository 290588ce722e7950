"""The files that drawn pictures go to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sizewise.core.errors import OutputError
from sizewise.core.options.declared import spelled

_JPEG = (".jpg", ".jpeg")


def name_drawings(pictures: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """A file in ``folder`` for each of ``pictures``, with its name: JPEG for JPEG, else PNG, and a
    number where another has the name.

    Raises OutputError where a picture lies in ``folder``.
    """
    for path in pictures:
        if path.parent.resolve() == folder.resolve():
            raise OutputError(
                f"The drawn pictures can't go to {folder}",
                f"{path.name} lies there, and might be overwritten",
                f"Choose another folder with {spelled('out')}.",
            )
    taken: set[str] = set()
    return tuple(folder / _free_name(path, taken) for path in pictures)


def _free_name(path: Path, taken: set[str]) -> str:
    """A name that differs from those ``taken`` in more than case: some file systems ignore it."""
    suffix = path.suffix if path.suffix.lower() in _JPEG else ".png"
    name, number = f"{path.stem}{suffix}", 1
    while name.casefold() in taken:
        number += 1
        name = f"{path.stem}-{number}{suffix}"
    taken.add(name.casefold())
    return name
