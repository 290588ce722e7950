"""Tensors of the Open Inference Protocol: pictures out of requests, and findings into answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sizewise.core.specs import TensorSpec
from sizewise.pipeline.prediction.serving.refusing import RefusedError, wrong

if TYPE_CHECKING:
    from netzoo.tasks.task import Pixels

IMAGE = "image"
"""The one input."""
DATATYPES: Mapping[str, str] = {"float32": "FP32", "int32": "INT32", "int64": "INT64"}
_LENGTH = 4
"""Bytes of the length before each element of BYTES, little-endian."""
_TAKES = (
    f"Give one input called {IMAGE}: BYTES of shape [1], the bytes of a JPEG or PNG file, or UINT8 "
    "of shape [height, width, 3], RGB."
)


@dataclass(frozen=True, kw_only=True)
class Given:
    """An input of a request. ``raw`` are its bytes as the binary extension has them; else
    ``elements`` are its values: bytes objects (BYTES), or numbers in lists."""

    name: str
    datatype: str
    shape: Sequence[int]
    raw: bytes | memoryview | None = None
    elements: Any = None


def picture_of(inputs: Sequence[Given], most_pixels: int) -> bytes | Pixels:
    """The bytes of a picture file, or the pixels. Raises RefusedError."""
    if len(inputs) != 1 or inputs[0].name != IMAGE:
        raise wrong(f"The inputs are {', '.join(one.name for one in inputs) or 'none'}. {_TAKES}")
    (given,) = inputs
    if given.datatype == "BYTES":
        return _file_of(given)
    if given.datatype == "UINT8":
        return _pixels_of(given, most_pixels)
    raise wrong(f"The datatype of {IMAGE} is {given.datatype[:20]}. {_TAKES}")


def chosen_outputs(
    arrays: Mapping[str, NDArray[Any]], names: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Those of ``names``, or all where none is named. Raises RefusedError for others."""
    for name in names:
        if name not in arrays:
            known = ", ".join(arrays)
            raise wrong(f"There is no output {name[:50]!r}. The model has {known}.")
    return {name: arrays[name] for name in names or arrays}


def described(spec: TensorSpec) -> dict[str, Any]:
    """A tensor as metadata name it: -1 for what differs."""
    shape = [side if isinstance(side, int) else -1 for side in spec.shape]
    return {"name": spec.name, "datatype": DATATYPES[spec.dtype], "shape": shape}


INPUTS: tuple[dict[str, Any], ...] = ({"name": IMAGE, "datatype": "BYTES", "shape": [1]},)
"""As metadata name them, which have one type for an input."""


def _file_of(given: Given) -> bytes:
    if math.prod(given.shape) != 1:
        raise wrong(f"The shape of {IMAGE} is {list(given.shape)[:8]}. {_TAKES}")
    if given.raw is None:
        (content,) = given.elements
        return bytes(content)
    raw = memoryview(given.raw)
    length = int.from_bytes(raw[:_LENGTH], "little")
    if len(raw) < _LENGTH or len(raw) != _LENGTH + length:
        raise wrong(
            f"The bytes of {IMAGE} are not one element of BYTES: {len(raw)} bytes came, and the "
            f"first {_LENGTH} say that {length} follow. {_TAKES}"
        )
    return bytes(raw[_LENGTH:])


def _pixels_of(given: Given, most_pixels: int) -> Pixels:
    shape = tuple(given.shape)
    if len(shape) == 4 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) != 3 or shape[2] != 3 or min(shape) < 1:
        raise wrong(f"The shape of {IMAGE} is {list(given.shape)[:8]}. {_TAKES}")
    if shape[0] * shape[1] > most_pixels:
        raise wrong(
            f"The picture has {shape[0]}x{shape[1]} pixels (height x width), and {most_pixels:,} "
            "are the most here. Make it smaller first."
        )
    count = math.prod(shape)
    values = _bytes_of(given)
    if values.size != count:
        raise wrong(f"{IMAGE} has {values.size} values, and its shape says {count}. {_TAKES}")
    return values.reshape(shape)


def _bytes_of(given: Given) -> NDArray[np.uint8]:
    if given.raw is not None:
        return np.frombuffer(given.raw, np.uint8)
    try:
        values = np.asarray(given.elements)
    except (ValueError, OverflowError) as error:
        raise wrong(f"The values of {IMAGE} are no array: {error}. {_TAKES}") from error
    if values.dtype.kind not in "iu" or (
        values.size and not 0 <= values.min() <= values.max() < 256
    ):
        raise wrong(f"The values of {IMAGE} are not whole numbers of 0–255. {_TAKES}")
    return values.astype(np.uint8).reshape(-1)


def demand_model(name: str, version: str, *, served: str) -> None:
    """Raises RefusedError (404) for a model or a version that is not there."""
    if name != served or version not in ("", VERSION):
        asked = f"{name[:50]!r}" + (f" in version {version[:10]!r}" if version else "")
        raise RefusedError(
            404, f"There is no model {asked}. This server has {served}, version {VERSION}."
        )


VERSION = "1"
