"""Sizes and arrays that an engine was not built for, refused with what it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import BuiltEngine, ImageInput, ModelCard, Size


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


def check_inputs(artifact: BuiltEngine, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The one array of images in ``inputs``, in a form that a library can read in place.
    Raises EngineMismatchError (``unsupported_input``, ``unsupported_size``)."""
    tensor = artifact.image.tensor
    if set(inputs) != {tensor.name}:
        raise _misfit(artifact, f"it takes the input {tensor.name}, not {', '.join(inputs)}")
    images = inputs[tensor.name]
    if images.dtype != np.dtype(tensor.dtype):
        raise _misfit(artifact, f"it takes {tensor.dtype}, not {images.dtype}")
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
    return np.require(images, requirements=["C", "W"])


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
