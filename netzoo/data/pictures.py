"""Finding the picture files of a data set, and reading one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from netzoo.data.coco_json import CocoImage
from netzoo.data.reading import reading
from sizewise.errors import InputError


def find_pictures(
    images: Sequence[CocoImage], json_path: Path, folder: Path | None
) -> tuple[Path, ...]:
    """The file of each image, all in one folder. Raises InputError, naming the first missing."""
    beside = json_path.parent
    folders = (folder,) if folder else (beside, beside / "images")
    first = images[0].file_name
    with reading(json_path.parent):
        home = next((f for f in folders if (f / first).is_file()), folders[0])
        paths = tuple(home / image.file_name for image in images)
        missing = [i.file_name for i, p in zip(images, paths, strict=True) if not p.is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(paths)} pictures of {json_path} are missing",
            f"the first is {missing[0]}, looked for in {' and '.join(map(str, folders))}",
            "Put the pictures beside the JSON or into images/ beside it.",
        )
    return paths


def read_picture(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """RGB [H, W, 3], turned upright by its EXIF orientation.

    Raises InputError where it can't be decoded or is not ``height`` × ``width`` pixels.
    """
    try:
        with Image.open(path) as file:
            picture = np.asarray(_to_rgb(ImageOps.exif_transpose(file)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"The picture {path} can't be decoded", str(error), "Replace the file or leave it out."
        ) from error
    if picture.shape[:2] != (height, width):
        raise InputError(
            f"The picture {path} is not what its annotations are for",
            f"it is {picture.shape[0]}x{picture.shape[1]} pixels (height x width), "
            f"the JSON says {height}x{width}",
            "Correct the JSON or replace the file.",
        )
    return picture


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        raise ValueError(
            f"its channels ({image.mode}) have more than 8 bits, which would be cut off"
        )
    # Pillow wants a palette's transparency resolved before it drops it.
    return (image.convert("RGBA") if image.mode == "P" else image).convert("RGB")
