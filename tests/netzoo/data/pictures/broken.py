"""Breaks pictures and masks, and holds what is read of them against what Pillow reads.

``python -m tests.netzoo.data.pictures.broken CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from netzoo.data.masks.index import IndexMask, size_of
from netzoo.data.pictures.decoding import decode_picture, stored_turned
from sizewise.core.errors import InputError
from sizewise.core.options.limits import PICTURE_PIXELS
from tests.attempts import main, one_by_one
from tests.netzoo.data.pictures.mutants import FORMATS, mutated

T = TypeVar("T")
_LOSSLESS = ("BMP", "PNG", "TIFF")
"""Of masks."""
_REASONS = {
    "pixels are more than the limit": "too many pixels",
    "more than 8 bits": "more than 8 bits",
    "it is none of": "of no known format",
    "truncated|cut|end|not enough|too short|EOF|incomplete|unrecognized data": "cut short",
}
_NOT_ITS_OWN = ("too many pixels", "more than 8 bits")
"""Reasons for which we refuse what Pillow would take."""


def attempt(number: int, chance: random.Random, folder: Path) -> str:
    """One picture, which is also read as a mask."""
    kind = FORMATS[number % len(FORMATS)]
    path = folder / f"it.{chance.choice(('png', 'jpg', 'tif', kind.lower()))}"
    content = mutated(kind, chance)
    path.write_bytes(content)
    stored_turned(path)
    _hold_mask(path, content)
    expected, found = _by_pillow(content, FORMATS, _as_shown), _outcome(decode_picture, path)
    if isinstance(found, InputError):
        reason = _reason(found, path)
        why = f"Pillow reads what we refuse: {found}"
        assert expected is None or reason in _NOT_ITS_OWN, why
        return f"refused: {reason}"
    assert expected is not None, "we read what Pillow does not"
    assert (found.dtype, found.ndim, found.shape[2]) == (np.uint8, 3, 3), "it is no RGB of 8 bits"
    assert found.size <= 3 * PICTURE_PIXELS.most, "it has more pixels than the limit"
    _demand_equal(found, expected, within=1)
    return "read: as Pillow reads it"


def _hold_mask(path: Path, content: bytes) -> None:
    """The size and the values of a mask, where they are taken, against Pillow's."""
    size = _outcome(size_of, path)
    whole = IndexMask(path=path, labels=tuple(range(256)))
    if isinstance(size, InputError):
        _reason(size, path)
        return
    sides = _by_pillow(content, _LOSSLESS, lambda image: np.array(image.size[::-1]), decode=False)
    assert sides is not None, "we find a size where Pillow does not"
    assert size == tuple(sides), f"its size is {size}, and Pillow says {sides}"
    values = _outcome(lambda _: whole.read(*size), path)
    if isinstance(values, InputError):
        _reason(values, path)
        return
    expected = _by_pillow(content, _LOSSLESS, np.asarray)
    assert expected is not None, "we read a mask that Pillow does not"
    _demand_equal(values, expected if expected.ndim == 2 else expected[..., 0])


def _outcome(read: Callable[[Path], T], path: Path) -> T | InputError:
    try:
        return read(path)
    except InputError as error:
        return error


def _reason(error: InputError, path: Path) -> str:
    assert path.name in error.what, f"it does not name the file: {error}"
    assert error.todo, f"it does not say what to do: {error}"
    kinds = (kind for text, kind in _REASONS.items() if re.search(text, error.why))
    return next(kinds, "damaged")


def _by_pillow(
    content: bytes,
    formats: tuple[str, ...],
    read: Callable[[Image.Image], NDArray[np.generic]],
    *,
    decode: bool = True,
) -> NDArray[np.generic] | None:
    """What ``read`` gives of the picture that Pillow decodes; None where it decodes none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(content), formats=formats) as image:
                if decode:
                    image.load()
                return read(image)
        except Exception:  # noqa: BLE001 - its decoders raise anything
            return None


def _as_shown(image: Image.Image) -> NDArray[np.generic]:
    """Upright, in RGB, on white."""
    with contextlib.suppress(Exception):  # metadata that can't be read turn no picture
        image = ImageOps.exif_transpose(image)
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB"))
    pixels = np.asarray(image.convert("RGBA")).astype(np.float64)
    opaque = pixels[..., 3:] / 255
    shown: NDArray[np.uint8] = (pixels[..., :3] * opaque + 255 * (1 - opaque)).astype(np.uint8)
    return shown


def _demand_equal(
    found: NDArray[np.generic], expected: NDArray[np.generic], within: int = 0
) -> None:
    assert found.shape == expected.shape, f"it is {found.shape}, and Pillow's {expected.shape}"
    apart = np.abs(found.astype(np.int64) - expected.astype(np.int64)).max(initial=0)
    assert apart <= within, f"a pixel differs by {apart} from Pillow's"


campaign = one_by_one(attempt)

if __name__ == "__main__":
    main(campaign)
