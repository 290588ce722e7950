"""Darknet's ``.data`` file: it says how many classes there are, and which file has their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netzoo.data.reading import read_text, reading
from sizewise.core.errors import InputError

ENDING = ".data"


@dataclass(frozen=True)
class DataFile:
    """What ``path`` says: the file of the ``names`` of classes, and their number, empty where it
    has none."""

    path: Path
    names: Path
    classes: str

    def demand_count(self, count: int) -> None:
        """Raises InputError where the file of the names has another number, ``count``."""
        if self.classes not in ("", str(count)):
            raise InputError(
                f"The class names of {self.path} do not fit",
                f"it says classes={self.classes}, and {self.names} has {count}",
                "Correct the number, or give the file of the names that belongs to it.",
            )


def read_data_file(path: Path) -> DataFile:
    """What ``path`` says. Its names are looked for in the current folder, as Darknet does, then in
    the folder of ``path``, and in the one above.

    Raises InputError where it says nothing of names, or they are in none of these.
    """
    values = dict(_values(read_text(path, "Darknet's .data file")))
    given = values.get("names", "")
    if not given:
        raise InputError(
            f"{path} has no class names",
            "it has no line names=FILE",
            "Add this line, or give the file of the names itself.",
        )
    with reading(path):
        for folder in (Path(), path.parent, path.parent.parent):
            if (names := folder / given).is_file():
                return DataFile(path, names, values.get("classes", ""))
    raise InputError(
        f"{given}, which {path} names, was not found",
        "it is not in the current folder, in that of the file, nor in the one above",
        "Give the file of the names itself.",
    )


def _values(text: str) -> Iterator[tuple[str, str]]:
    """``key = value`` of each line; one that begins with # or ; is a comment."""
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith(("#", ";")):
            yield key.strip(), value.strip()
