"""Sizes and arrays that an engine was not built for, refused with what it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sizewise.core.errors import EngineMismatchError
from sizewise.core.further.arrays import shape_at
from sizewise.core.specs import BuiltEngine, FurtherInput, ImageInput, ModelCard, Size


def check_size(artifact: BuiltEngine, size: Size) -> None:
    """Refuse a ``size`` that the engine does not take. Raises EngineMismatchError
    (``unsupported_size``)."""
    spec = artifact.spec
    if not spec.admits(size):
        raise EngineMismatchError(
            f"The {spec.backend} engine {artifact.path.name} does not take {size}",
            f"it was built for {spec.spans}",
            "Build another engine for this size, or choose one of these sizes.",
            reason_code="unsupported_size",
        )
    demand_size(artifact.path.name, artifact.image, artifact.card, spec.batch_size, size)


def check_inputs(
    artifact: BuiltEngine, inputs: Mapping[str, NDArray[Any]]
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """The images in ``inputs``, and what the inputs beside them are given, in the order of the
    graph: all in a form that a library can read in place.

    Raises EngineMismatchError (``unsupported_input``, ``unsupported_size``).
    """
    tensor = artifact.image.tensor
    names = [tensor.name, *(one.name for one in artifact.further)]
    if set(inputs) != set(names):
        takes = f"inputs {', '.join(names)}" if names[1:] else f"input {tensor.name}"
        raise _misfit(artifact, f"it takes the {takes}, not {', '.join(inputs)}")
    images = inputs[tensor.name]
    _demand_dtype(artifact, tensor.dtype, images)
    if images.ndim != 4:
        raise _misfit(artifact, f"it takes 4 dimensions, not {images.ndim}")
    size = artifact.image.size_of(images.shape)
    check_size(artifact, size)
    batches = artifact.spec.batches
    nearest = min(max(images.shape[0], batches.min), batches.max)
    expected = artifact.image.shape(nearest, size)
    if images.shape != expected:
        several = f" (batches of {batches})" if batches.min < batches.max else ""
        raise _misfit(artifact, f"it takes the shape {expected}{several}, not {images.shape}")
    further = {one.name: inputs[one.name] for one in artifact.further}
    for one in artifact.further:
        _demand_dtype(artifact, one.dtype, further[one.name])
        wanted, given = shape_at(one, nearest, size), further[one.name].shape
        if given != wanted:
            raise _misfit(artifact, f"{one.name} takes the shape {wanted}, not {given}")
    return _readable(images), {name: _readable(array) for name, array in further.items()}


def _demand_dtype(artifact: BuiltEngine, dtype: str, array: NDArray[Any]) -> None:
    if array.dtype != np.dtype(dtype):
        raise _misfit(artifact, f"it takes {dtype}, not {array.dtype}")


def _readable(array: NDArray[Any]) -> NDArray[Any]:
    return np.require(array, requirements=["C", "W"])


def input_shapes(
    image: ImageInput, further: Iterable[FurtherInput], batch_size: int, size: Size
) -> dict[str, tuple[int, ...]]:
    """The shape of every input for ``batch_size`` images of ``size``, by name. Raises InputError
    where one is not known."""
    others = {one.name: shape_at(one, batch_size, size) for one in further}
    return {image.tensor.name: image.shape(batch_size, size), **others}


def demand_size(name: str, image: ImageInput, card: ModelCard, batch_size: int, size: Size) -> None:
    """Refuse a batch or a size that the model ``name`` does not take. Raises EngineMismatchError
    (``unsupported_size``)."""
    fixed = image.refusal(batch_size, size)
    if fixed:
        raise EngineMismatchError(
            f"{name} does not take {batch_size} x {size}",
            fixed,
            f"Its input is {image.tensor}; request that, or export it with dynamic shapes.",
            reason_code="unsupported_size",
        )
    if why := card.refusal(size):
        raise EngineMismatchError(
            f"{name} does not take {size}",
            why,
            f"The nearest sizes it takes are {' and '.join(map(str, _neighbours(size, card)))}.",
            reason_code="unsupported_size",
        )


def _misfit(artifact: BuiltEngine, why: str) -> EngineMismatchError:
    return EngineMismatchError(
        f"The input does not fit the engine {artifact.path.name}",
        why,
        "Give it what it was built for, or build another engine.",
        reason_code="unsupported_input",
    )


def _neighbours(size: Size, card: ModelCard) -> Iterable[Size]:
    """The multiples of the stride just below and just above, none below the smallest size."""
    sides, least = (size.height, size.width), card.round_up(card.smallest)
    below = Size(*(max(side // card.stride * card.stride, least) for side in sides))
    above = Size(*(max(card.round_up(side), least) for side in sides))
    return dict.fromkeys((below, above))
