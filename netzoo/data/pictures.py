"""The picture files of a data set: finding all, and reading one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco_json import CocoImage
from netzoo.data.decoding import decode_picture
from netzoo.data.folders import picture_folders
from netzoo.data.reading import reading
from sizewise.core.errors import InputError


def find_image_files(
    images: Sequence[CocoImage], json_path: Path, folder: Path | None
) -> tuple[Path, ...]:
    """The file of each image, all in one folder. Raises InputError, naming the first missing."""
    folders = (folder,) if folder else tuple(dict.fromkeys(picture_folders(json_path)))
    first = images[0].file_name
    with reading(json_path.parent):
        home = next((f for f in folders if (f / first).is_file()), folders[0])
        paths = tuple(home / image.file_name for image in images)
        missing = [i.file_name for i, p in zip(images, paths, strict=True) if not p.is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(paths)} pictures of {json_path} are missing",
            f"the first is {missing[0]}, looked for in {', '.join(map(str, folders))}",
            "Put the pictures beside the JSON or into images/ beside it.",
        )
    return paths


def read_picture(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """Decode a picture of ``height`` × ``width`` pixels.

    It is upright, unless its EXIF orientation swaps the sides and only as stored it has this size:
    then its annotations are of the pixels as stored, as some tools write them.

    Raises InputError where it has another size, or as :func:`decode_picture` does.
    """
    picture = decode_picture(path)
    if picture.shape[:2] == (width, height) != (height, width):
        stored = decode_picture(path, upright=False)
        if stored.shape[:2] == (height, width):
            return stored
    if picture.shape[:2] != (height, width):
        raise InputError(
            f"The picture {path} is not what its annotations are for",
            f"it is {picture.shape[0]}x{picture.shape[1]} pixels (height x width), "
            f"the JSON says {height}x{width}",
            "Correct the JSON or replace the file.",
        )
    return picture
