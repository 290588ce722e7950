"""Images of a training that can't be read: another one takes the place of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sizewise.core.errors import InputError

MOST_IN_SUCCESSION = 32
"""So many images in succession that can't be read are no accident: the data are wrong. Where half
of them are broken, one place in four thousand million has so many."""


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """An image whose picture can't be read, or whose mask can't (``label``): its file, and the
    sentence of the error."""

    kind: Literal["picture", "label"]
    path: str
    what: str
    why: str
    todo: str

    @classmethod
    def of(cls, kind: Literal["picture", "label"], path: Path, error: InputError) -> Unreadable:
        return cls(kind=kind, path=str(path), what=error.what, why=error.why, todo=error.todo)

    def error(self) -> InputError:
        return InputError(self.what, self.why, self.todo)


def too_many(first: Unreadable) -> InputError:
    """The error of data of which too many can't be read."""
    return InputError(
        "No picture of the data can be read, or hardly any",
        f"all that were tried for one place of a batch can't be used, and the first says: "
        f"{first.what}: {first.why}",
        first.todo,
    )
