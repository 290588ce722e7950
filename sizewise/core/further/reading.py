"""How a user says what an input beside the picture is given: ``NAME=VALUE|SHAPE|FILE.npy``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.reading import Reader, UnreadableError
from sizewise.core.specs import SaidInput
from sizewise.core.specs.further import BATCH, PICTURE_SIZE

_DIMENSION = rf"(?:\d+|{BATCH}|{'|'.join(PICTURE_SIZE)})"
_SHAPE = re.compile(rf"{_DIMENSION}(?:x{_DIMENSION})+")
_ONE_OR_MORE = re.compile(rf"{_DIMENSION}(?:x{_DIMENSION})*")
_TRUTHS = {"true": True, "false": False}
_TODO = (
    "Give NAME=VALUE (0.5, or height,width), NAME=SHAPE of zeros (1x77), NAME=VALUE:SHAPE "
    "(1:batchx77) or NAME=FILE.npy."
)


def read_input(text: str) -> SaidInput:
    """``size=height,width``, ``prompt=1x77``, ``mask=1:batchx1xheightxwidth`` or ``x=x.npy``.

    Raises ValueError for anything else, and InputError where there is no such file.
    """
    name, equals, given = (part.strip() for part in text.partition("="))
    if not (name and equals and given):
        raise UnreadableError(text, _TODO)
    if given.endswith(".npy"):
        return _of_file(name, Path(given))
    if _SHAPE.fullmatch(given):
        return SaidInput(name=name, shape=_shape(given))
    values, colon, shape = given.partition(":")
    if colon and not _ONE_OR_MORE.fullmatch(shape):
        raise UnreadableError(text, _TODO)
    read = tuple(_value(text, one.strip()) for one in values.split(","))
    return SaidInput(name=name, values=read, shape=_shape(shape) if colon else ())


def read_inputs(given: object) -> tuple[SaidInput, ...]:
    """Several of them, each for an input of its own."""
    listed: Iterable[object] = given if isinstance(given, list | tuple) else (given,)
    found = [one if isinstance(one, SaidInput) else read_input(str(one)) for one in listed]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise UnreadableError(name, "Name each input once.")
    return tuple(found)


INPUTS = Reader(read_inputs, "NAME=VALUE|SHAPE|FILE.npy", repeatable=True)


def _of_file(name: str, path: Path) -> SaidInput:
    if not path.is_file():
        raise InputError(
            f"{path} can't be read", "there is no such file", f"Correct what {name} is given."
        )
    return SaidInput(name=name, values=(), file=str(path.resolve()), sha256=sha256_of(path))


def _shape(text: str) -> tuple[int | str, ...]:
    return tuple(int(part) if part.isdigit() else part for part in text.split("x"))


def _value(text: str, one: str) -> bool | int | float | str:
    if one in PICTURE_SIZE:
        return one
    if one in _TRUTHS:
        return _TRUTHS[one]
    try:
        return int(one) if re.fullmatch(r"[+-]?\d+", one) else float(one)
    except ValueError as error:
        raise UnreadableError(text, _TODO) from error
