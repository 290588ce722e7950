"""Images to compare two engines on, where no real ones are at hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sizewise.core.specs import Size


def patches_under_noise(batch_size: int, size: Size, *, channels: int = 3) -> NDArray[np.float32]:
    """[batch, channels, height, width] in 0–1, the same at every call.

    Patches under noise: noise alone looks the same in every image after a few layers.
    """
    random = np.random.default_rng(size.pixels)
    patches = random.random((batch_size, channels, 4, 4), dtype=np.float32)
    rows = np.arange(size.height) * 4 // size.height
    columns = np.arange(size.width) * 4 // size.width
    spread = patches[:, :, rows[:, None], columns]
    noise = random.random(spread.shape, dtype=np.float32)
    return (spread + noise) * np.float32(0.5)
