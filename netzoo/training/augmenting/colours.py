"""Other hues, saturations and values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def recoloured(
    picture: NDArray[np.uint8], *, hue: float, saturation: float, value: float
) -> NDArray[np.uint8]:
    """RGB [H, W, 3] with each of them multiplied by so much; hues go round."""
    if hue == saturation == value == 1:
        return picture
    levels = np.arange(256)
    tables = [
        (levels * hue) % 256,
        (levels * saturation).clip(0, 255),
        (levels * value).clip(0, 255),
    ]
    table = np.concatenate(tables).astype(np.uint8).tolist()
    changed = Image.fromarray(picture).convert("HSV").point(table).convert("RGB")
    return np.asarray(changed)
