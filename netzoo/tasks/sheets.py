"""A contact sheet: small pictures beside each other, with what is annotated drawn on them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from netzoo.tasks.drawing import class_name, draw_boxes, label_font, shortened
from netzoo.tasks.masks.overlay import draw_classes
from sizewise.core.printable import printable

SIDE_PX = 240
"""The longer side of each picture on a sheet."""
_GAP_PX, _TITLE_PX, _FONT_PX = 8, 18, 12
_WIDE = 1.4
"""A sheet is about this much wider than high."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """A picture, RGB [H, W, 3], with boxes [K, 4] (x0 y0 x1 y1 in its pixels) of the classes
    ``labels`` [K], or a mask [H, W] for each class that is there; and a line below it."""

    picture: NDArray[np.uint8]
    title: str
    boxes: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 4), np.float32))
    labels: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    masks: Mapping[int, NDArray[np.bool_]] = field(default_factory=dict)


def contact_sheet(
    tiles: Sequence[Tile], classes: Sequence[str], side: int = SIDE_PX
) -> Image.Image:
    """``tiles`` in rows, each at most ``side`` pixels wide and high; there is one at least."""
    columns = min(len(tiles), max(1, math.ceil(math.sqrt(len(tiles) * _WIDE))))
    rows = math.ceil(len(tiles) / columns)
    across, down = side + _GAP_PX, side + _TITLE_PX + _GAP_PX
    sheet = Image.new("RGB", (columns * across + _GAP_PX, rows * down + _GAP_PX), "white")
    canvas, font = ImageDraw.Draw(sheet), label_font(_FONT_PX)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        left, top = _GAP_PX + column * across, _GAP_PX + row * down
        drawn = _drawn(tile, classes, side)
        sheet.paste(drawn, (left + (side - drawn.width) // 2, top + (side - drawn.height) // 2))
        text = shortened(printable(tile.title).replace("\n", " "), font, side)
        canvas.text((left, top + side + 1), text, "black", font)
    return sheet


def _drawn(tile: Tile, classes: Sequence[str], side: int) -> Image.Image:
    """Made smaller or larger first: lines and letters are for the size that is seen."""
    height, width = tile.picture.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(tile.picture).resize(size, Image.Resampling.BILINEAR))
    masks = {label: _resized(mask, size) for label, mask in tile.masks.items()}
    if masks:
        small = np.asarray(draw_classes(small, masks))
    boxes = tile.boxes * np.array([size[0] / width, size[1] / height] * 2)
    labels = tile.labels.tolist()
    texts = [class_name(label, classes) for label in labels]
    return draw_boxes(small, boxes.tolist(), labels, texts)


def _resized(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    whole = Image.fromarray(mask.astype(np.uint8) * 255)
    found: NDArray[np.bool_] = np.asarray(whole.resize(size, Image.Resampling.NEAREST)) > 0
    return found
