"""Images into an engine of any batch size, and its outputs back one image at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.base import Array, Session


def infer_images(
    session: Session, images: Sequence[NDArray[np.float32]]
) -> tuple[dict[str, Array], ...]:
    """The outputs for each of ``images``, by name and each as a batch of one. Raises EngineError.

    These are [3, H, W] of one size, at most as many as the engine's largest batch. A batch below
    the engine's smallest is filled up with the last image.
    """
    missing = session.artifact.spec.batches.min - len(images)
    batch = np.stack([*images, *[images[-1]] * missing])
    image_input = session.artifact.image
    if not image_input.channels_first:
        batch = np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
    outputs = session.infer({image_input.tensor.name: batch})
    # What has no axes belongs to no image.
    by_image = {name: array for name, array in outputs.items() if array.ndim}
    return tuple(
        {name: array[place : place + 1] for name, array in by_image.items()}
        for place in range(len(images))
    )
