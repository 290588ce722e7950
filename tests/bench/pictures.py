"""A small COCO data set: coloured pictures with one white rectangle each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

HEIGHT, WIDTH = 48, 32
BOX = (8, 16, 24, 40)
"""x0 y0 x1 y1 of the rectangle, in the picture."""
PICTURES = 7
"""No multiple of the batch sizes that are tested."""


def write_pictures(folder: Path) -> Path:
    """Red and blue pictures with a white rectangle, the object, at BOX."""
    x0, y0, x1, y1 = BOX
    coco: dict[str, Any] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 10, "name": "red"}, {"id": 20, "name": "blue"}],
    }
    for number in range(PICTURES):
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        pixels[:, :, 2 * (number % 2)] = 150
        pixels[y0:y1, x0:x1] = 255
        name = f"{number}.png"
        Image.fromarray(pixels).save(folder / name)
        size = {"height": HEIGHT, "width": WIDTH}
        coco["images"].append({"id": number + 5, "file_name": name} | size)
        coco["annotations"].append(
            {
                "id": number + 1,
                "image_id": number + 5,
                "category_id": 10 + 10 * (number % 2),
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]],
            }
        )
    path = folder / "val.json"
    path.write_bytes(msgspec.json.encode(coco))
    return path
