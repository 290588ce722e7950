"""Maps of pixels in the outputs of segmenters that others exported, read by their layout.

A map may be smaller than the input (half or a quarter, say): it is resized to the input first,
bilinear and without aligned corners, and then to the picture. Numbers of classes are resized by the
nearest neighbour. Of several outputs of one form, the first is read. Channels may come first or, as
in TensorFlow's models, last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netzoo.tasks.letterbox import Letterbox
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size

Array = NDArray[Any]
Outputs = Mapping[str, Array]

LOGITS, PROBABILITIES = "b_1_h_w", "b_1_h_w_prob"
SCORES, LAST_SCORES, NUMBERS = "b_c_h_w", "b_h_w_c", "b_h_w"
MASK_LAYOUTS = (LOGITS, PROBABILITIES)
"""Those of one mask: objects and the rest."""
CLASS_LAYOUTS = (SCORES, LAST_SCORES, NUMBERS)
"""Those of a class for each pixel."""

_SLACK = 0.01
"""What rounding in low precisions may add to a probability."""


class _LayoutError(Exception):
    """Why the outputs do not have the layout."""


def check_map(layout: str, outputs: Outputs, input_size: Size) -> None:
    """Raises InputError where no output has ``layout``, or it is no map of an input of
    ``input_size``."""
    with _fitting(layout, outputs):
        _demand_over(_find(layout, outputs), input_size)


def read_mask(layout: str, outputs: Outputs, fitted: Letterbox) -> NDArray[np.float32]:
    """Logits of the objects over the picture's own pixels [H, W]; ``outputs`` are for a batch of
    one.

    Raises InputError where they do not have ``layout``, InferenceError (numerics) for NaN.
    """
    with _fitting(layout, outputs):
        plane = _numbers_in(_find(layout, outputs)[0, 0])
        if layout == PROBABILITIES:
            _demand_shares(plane)
        values = fitted.map_to_source(_over_input(plane, fitted.target))
    return _logits(values) if layout == PROBABILITIES else values


def read_channels(layout: str, outputs: Outputs, fitted: Letterbox) -> NDArray[np.int32]:
    """The likeliest channel of each of the picture's own pixels [H, W]; of equals, the first.

    Raises as :func:`read_mask`.
    """
    with _fitting(layout, outputs):
        values = _find(layout, outputs)[0]
        if layout == NUMBERS:
            return fitted.numbers_to_source(_over_input(_whole(values), fitted.target))
        return _likeliest(_numbers_in(values), fitted)


def channels_of(layout: str, outputs: Outputs, input_size: Size) -> int | None:
    """How many classes the outputs have; None where they do not tell. Raises as
    :func:`check_map`: of another layout, a side would be taken for their number."""
    with _fitting(layout, outputs):
        found = _find(layout, outputs)
        _demand_over(found, input_size)
    return found.shape[1] if layout in (SCORES, LAST_SCORES) else None


def _likeliest(scores: Array, fitted: Letterbox) -> NDArray[np.int32]:
    """One channel after another: all of them over a large picture would fill the memory."""
    best = fitted.map_to_source(_over_input(scores[0], fitted.target))
    found = np.zeros(best.shape, np.int32)
    for channel, plane in enumerate(scores[1:], start=1):
        here = fitted.map_to_source(_over_input(plane, fitted.target))
        found[here > best] = channel
        best = np.maximum(best, here)
    return found


def _over_input(plane: Array, target: Size) -> Array:
    """A plane [h, w] over an input of the size ``target``."""
    _demand_over(plane[None, None], target)
    if plane.shape == (target.height, target.width):
        return plane
    whole = plane.dtype == np.int32
    how = Image.Resampling.NEAREST if whole else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(plane).resize((target.width, target.height), how))


def _demand_over(found: Array, target: Size) -> None:
    """Raise unless the last two axes cover an input of the size ``target``: the same share of its
    height and of its width, but for a pixel."""
    height, width = found.shape[-2:]
    if not covers(height, width, target):
        raise _LayoutError(f"a map of {height}x{width} does not cover an input of {target}")


def covers(height: int, width: int, target: Size) -> bool:
    """Whether a map of these sides has the shape of an input of the size ``target``, but for a
    pixel."""
    shape = target.width / target.height
    return bool(height and width) and abs(height * shape - width) <= 1 + shape


def _find(layout: str, outputs: Outputs) -> Array:
    """The first output of the form of ``layout``: as [B, C, h, w] or, of numbers, [B, h, w]."""
    has_form, form = _FORMS[layout]
    for array in outputs.values():
        if has_form(array):
            return _channels_first(layout, array)
    raise _LayoutError(f"an output {form} is needed")


def _channels_first(layout: str, array: Array) -> Array:
    last = layout == LAST_SCORES or (layout != SCORES and array.ndim == 4 and array.shape[1] != 1)
    found = np.moveaxis(array, -1, 1) if last else array
    return found[:, 0] if layout == NUMBERS and array.ndim == 4 else found


def _has_one(array: Array) -> bool:
    """Whether it has a single channel, first or last."""
    return array.ndim == 4 and 1 in (array.shape[1], array.shape[3])


_FORMS: dict[str, tuple[Callable[[Array], bool], str]] = {
    LOGITS: (_has_one, "[B, 1, h, w]"),
    PROBABILITIES: (_has_one, "[B, 1, h, w]"),
    SCORES: (lambda a: a.ndim == 4 and a.shape[1] > 1, "[B, C, h, w] with two classes or more"),
    LAST_SCORES: (
        lambda a: a.ndim == 4 and a.shape[3] > 1,
        "[B, h, w, C] with two classes or more",
    ),
    NUMBERS: (lambda a: a.ndim == 3 or _has_one(a), "[B, h, w] or [B, 1, h, w]"),
}


def _numbers_in(values: Array) -> NDArray[np.float32]:
    if np.isnan(values).any():
        raise InferenceError(
            "The network's output is no mask",
            "values are NaN",
            "Check the model in FP32, then the precision it was converted to.",
            reason_code="numerics",
        )
    return np.ascontiguousarray(values, np.float32)


def _whole(values: Array) -> NDArray[np.int32]:
    whole = _numbers_in(values) if values.dtype.kind == "f" else values.astype(np.int64)
    if (whole != np.rint(whole)).any() or whole.min(initial=0) < 0 or whole.max(initial=0) > 2**24:
        raise _LayoutError("its values are no numbers of classes")
    return np.ascontiguousarray(whole, np.int32)


def _demand_shares(plane: Array) -> None:
    least, most = plane.min(initial=0), plane.max(initial=0)
    if least < -_SLACK or most > 1 + _SLACK:
        raise _LayoutError(
            f"its values reach from {least:.4g} to {most:.4g}, and probabilities from 0 to 1"
        )


def _logits(probabilities: Array) -> NDArray[np.float32]:
    shares = probabilities.astype(np.float64).clip(0, 1)
    with np.errstate(divide="ignore"):
        logits: NDArray[np.float32] = np.log(shares / (1 - shares)).astype(np.float32)
    return logits


@contextmanager
def _fitting(layout: str, outputs: Outputs) -> Iterator[None]:
    """Turn a misfit into an InputError that gives the outputs' shapes."""
    try:
        yield
    except _LayoutError as misfit:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        others = ", ".join((*MASK_LAYOUTS, *CLASS_LAYOUTS))
        raise InputError(
            f"The outputs do not have the layout {layout}",
            f"{misfit}; they are {shapes}",
            f"Say with {spelled('layout')} which of {others} the model has.",
        ) from misfit
