"""Arrays for the inputs of a model beside its picture."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sizewise.core.errors import InputError
from sizewise.core.files import demand_length, open_file
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.options.declared import spelled
from sizewise.core.options.limits import ARRAY_BYTES
from sizewise.core.specs import FurtherInput, Size
from sizewise.core.specs.further import BATCH, HEIGHT, WIDTH

Array = NDArray[Any]
_BROKEN = (
    *(OSError, ValueError, EOFError, TypeError, SyntaxError),
    *(OverflowError, RecursionError, MemoryError),
)
"""What NumPy raises over the header of a damaged file."""


def arrays_of(further: Iterable[FurtherInput], batch_size: int, size: Size) -> dict[str, Array]:
    """What each is given beside ``batch_size`` images of ``size``, by name. Raises InputError."""
    return {one.name: array_of(one, batch_size, size) for one in further}


def array_of(one: FurtherInput, batch_size: int, size: Size) -> Array:
    """What ``one`` is given beside ``batch_size`` images of ``size``. Raises InputError where its
    shape is not known, or its file has changed."""
    shape = shape_at(one, batch_size, size)
    _demand_room(one, shape)
    if one.file:
        return _from_file(one, shape)
    numbers = {HEIGHT: size.height, WIDTH: size.width}
    values = [numbers[v] if isinstance(v, str) else v for v in one.values]
    filling = np.array(values if len(values) > 1 else values[0], np.dtype(one.dtype))
    return np.broadcast_to(filling, shape).copy()


def shape_at(one: FurtherInput, batch_size: int, size: Size) -> tuple[int, ...]:
    """The shape of ``one`` beside ``batch_size`` images of ``size``. Raises InputError where a
    dimension is not known."""
    numbers = {BATCH: batch_size, HEIGHT: size.height, WIDTH: size.width}
    places = [k for k, side in enumerate(one.shape) if _unknown(side)]
    if places:
        names = list(dict.fromkeys(str(one.shape[k]) for k in places))
        long = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"
        example = "x".join(map(str, _example(one.shape, places)))
        raise InputError(
            f"The shape of the input {one.name} is not known",
            f"it is [{', '.join(map(str, one.shape))}], and nothing says how long {long}",
            f"Say it: {spelled('input')} {one.name}=0:{example} (zeros), or give a .npy file.",
        )
    return tuple(side if isinstance(side, int) else numbers[side] for side in one.shape)


def _unknown(side: int | str) -> bool:
    return isinstance(side, str) and side not in (BATCH, HEIGHT, WIDTH)


def _example(shape: Sequence[int | str], unknown: Sequence[int]) -> list[int | str]:
    """A shape that may be right: two sides next to each other behind the batch are those of another
    picture or of a mask, which most models take at the size of the first."""
    found = list(shape)
    for place in unknown:
        found[place] = 8
    first = unknown[0]
    if len(unknown) == 2 and first > 0 and unknown[1] == first + 1:
        found[first : first + 2] = (HEIGHT, WIDTH)
    return found


def load_array(path: Path) -> Array:
    """The array in a ``.npy`` file, mapped and not read. Raises InputError, also where its header
    promises more than the file holds; a pickle is never opened."""
    try:
        with open_file(path) as file:
            length = os.fstat(file.fileno()).st_size
        demand_length(path, length, ARRAY_BYTES)
        with np.errstate(over="ignore"):  # NumPy multiplies the sides of the header in 64 bits
            found = np.load(path, mmap_mode="r", allow_pickle=False)
    except _BROKEN as error:
        raise _unreadable(path, str(error) or type(error).__name__) from error
    if not isinstance(found, np.ndarray):
        found.close()
        raise _unreadable(path, "it holds several arrays")
    if not 0 < found.itemsize * math.prod(found.shape) <= length and found.size:
        raise _unreadable(path, f"its header says {found.dtype} {list(found.shape)}")
    return found


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(f"{path} can't be read", why, "Write it with numpy.save, as a .npy file.")


def _demand_room(one: FurtherInput, shape: tuple[int, ...]) -> None:
    """Raises InputError for an input that is larger than the limit, before it is made."""
    if why := ARRAY_BYTES.excess(math.prod(shape) * np.dtype(one.dtype).itemsize):
        said = f"it is {one.dtype} {list(shape)}: {why}"
        raise InputError(f"The input {one.name} can't be made", said, ARRAY_BYTES.todo)


@lru_cache(maxsize=8)
def _loaded(path: str, sha256: str) -> Array:
    if not Path(path).is_file() or sha256_of(Path(path)) != sha256:
        raise InputError(
            f"{path} can't be used",
            "it changed after it was read, or is gone",
            "Run the same command again.",
        )
    return np.array(load_array(Path(path)))


def _from_file(one: FurtherInput, shape: tuple[int, ...]) -> Array:
    array = _loaded(one.file, one.sha256)
    try:
        whole = np.broadcast_to(array, shape)
    except ValueError as error:
        raise InputError(
            f"{one.file} does not fit the input {one.name}",
            f"it holds {list(array.shape)}, and {list(shape)} is needed",
            "Give a file of that shape.",
        ) from error
    return np.array(whole, np.dtype(one.dtype))
