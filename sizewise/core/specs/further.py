"""Inputs of a model beside its picture, and what they are given: the same in every call."""

from __future__ import annotations

from dataclasses import dataclass

BATCH, HEIGHT, WIDTH = "batch", "height", "width"
PICTURE_SIZE = (HEIGHT, WIDTH)
"""Words for the dimensions of the picture as the model is given it, in images and pixels."""


@dataclass(frozen=True, kw_only=True)
class SaidInput:
    """What a user says of an input beside the picture.

    ``values`` are numbers, or the words height and width: one fills the array, several stand along
    its last axis. ``shape`` are numbers, or the words batch, height and width; empty where the
    model says it. ``file`` is a ``.npy`` file in place of values, and ``sha256`` its hash.
    """

    name: str
    values: tuple[bool | int | float | str, ...] = (0.0,)
    shape: tuple[int | str, ...] = ()
    file: str = ""
    sha256: str = ""

    def __str__(self) -> str:
        """As a user writes it."""
        shape = "x".join(map(str, self.shape))
        values = ",".join(str(one).lower() for one in self.values)
        return f"{self.name}={self.file or values}{f':{shape}' if shape else ''}"


@dataclass(frozen=True, kw_only=True)
class FurtherInput:
    """An input beside the picture, and what each call gives it.

    A dimension of ``shape`` is a number, or batch, height or width; any other text is a dimension
    that nobody said. ``values``, ``file`` and ``sha256`` are as in :class:`SaidInput`. ``said``
    tells whether a user named it.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    values: tuple[bool | int | float | str, ...] = (0.0,)
    file: str = ""
    sha256: str = ""
    said: bool = True

    @property
    def given(self) -> str:
        """What it is given, in words that tell it from anything else."""
        if self.file:
            return f"a .npy file (SHA-256 {self.sha256[:16]})"
        return ", ".join(one if isinstance(one, str) else _exactly(one) for one in self.values)

    def __str__(self) -> str:
        return f"{self.name} = {self.given} [{', '.join(map(str, self.shape))}]"


def _exactly(number: bool | int | float) -> str:
    """``number`` in as few digits as tell it from any other."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)
