"""Images into an engine of any batch size, and its outputs back one image at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.base import Array, Inferring, with_further
from sizewise.core.pictures.arrays import as_input
from sizewise.core.specs import RGB, Preprocessing


def infer_images(
    session: Inferring,
    images: Sequence[NDArray[np.float32]],
    preprocessing: Preprocessing = RGB,
) -> tuple[dict[str, Array], ...]:
    """The outputs for each of ``images``, by name and each as a batch of one. Raises EngineError.

    Lists whose first axis is not the batch, such as boxes [M, 6], are those of an only image. Of
    several images they belong to none, and are left out.

    These are RGB [3, H, W] of 0–1 and of one size, at most as many as the engine's largest batch.
    ``preprocessing`` says how the engine takes them. A batch below its smallest is filled up with
    the last image.
    """
    image_input = session.artifact.image
    taken = [as_input(one, image_input, preprocessing) for one in images]
    missing = session.artifact.spec.batches.min - len(images)
    batch = np.stack([*taken, *[taken[-1]] * missing])
    outputs = session.infer(with_further(session.artifact, batch))
    # What has no axes belongs to no image.
    by_image = {name: array for name, array in outputs.items() if array.ndim}
    if len(batch) == 1:
        return ({name: a if _may_be_list(a) else a[:1] for name, a in by_image.items()},)
    kept = {n: a for n, a in by_image.items() if len(a) == len(batch) or not _may_be_list(a)}
    return tuple(
        {name: array[place : place + 1] for name, array in kept.items()}
        for place in range(len(images))
    )


def _may_be_list(array: Array) -> bool:
    """Whether it may be one of boxes, scores or labels, as long as there are boxes."""
    return array.ndim < 3
