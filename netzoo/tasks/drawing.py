"""Boxes and labels on a picture, as large as the picture needs them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.colours import class_colour, text_colour
from sizewise.core.machine.home import spare_home_of_matplotlib

Frame = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, ends not included."""

_LEAST_LINE, _LEAST_FONT = 2, 11


def draw_detections(
    picture: NDArray[np.uint8], found: Detections, classes: Sequence[str]
) -> Image.Image:
    """A copy of ``picture``, RGB [H, W, 3], with a box and a label (class and score) for each of
    ``found``, whose boxes are in its pixels."""
    texts = [
        f"{class_name(label, classes)} {score:.2f}"
        for label, score in zip(found.labels.tolist(), found.scores.tolist(), strict=True)
    ]
    return draw_boxes(picture, found.boxes.tolist(), found.labels.tolist(), texts)


def draw_boxes(
    picture: NDArray[np.uint8],
    boxes: Sequence[Sequence[float]],
    labels: Sequence[int],
    texts: Sequence[str],
) -> Image.Image:
    """The same for ``boxes`` (x0 y0 x1 y1) of the classes ``labels``, with a text for each.

    Every class has a colour of its own, the same in every picture. Labels stay inside the picture,
    and out of each other's way and the boxes' as far as there is room. The first lie on top.
    """
    image = Image.fromarray(picture)
    extent = min(math.sqrt(image.width * image.height), 4 * min(image.size))
    line = max(_LEAST_LINE, round(extent / 260))
    font = label_font(max(_LEAST_FONT, round(extent / 42)))
    frames = [_frame(box, line, image) for box in boxes]
    texts = [shortened(text, font, image.width) for text in texts]
    tabs = _tabs(frames, [_tab_size(text, font) for text in texts], image)
    colours = [class_colour(label) for label in labels]
    canvas = ImageDraw.Draw(image)
    for (x0, y0, x1, y1), colour in _worst_first(frames, colours):
        canvas.rectangle((x0, y0, x1 - 1, y1 - 1), outline=text_colour(colour), width=line)
        edge = line // 6
        canvas.rectangle(
            (x0 + edge, y0 + edge, x1 - 1 - edge, y1 - 1 - edge),
            outline=colour,
            width=line - 2 * edge,
        )
    for (x0, y0, x1, y1), text, colour in _worst_first(tabs, texts, colours):
        canvas.rectangle((x0, y0, x1 - 1, y1 - 1), fill=colour)
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        canvas.text(middle, text, text_colour(colour), font, anchor="mm")
    return image


def class_name(label: int, classes: Sequence[str]) -> str:
    """The name of a class; ``class 7`` where the classes have no names."""
    return classes[label] if classes else f"class {label}"


@cache
def label_font(size: int) -> ImageFont.FreeTypeFont:
    """That of labels, with the letters of most languages."""
    spare_home_of_matplotlib()
    import matplotlib

    # Pillow's own font has no letters beyond ASCII.
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), size)


def _worst_first(*columns: Sequence[Any]) -> Iterator[Any]:
    yield from reversed(list(zip(*columns, strict=True)))


def _frame(box: Sequence[float], line: int, image: Image.Image) -> Frame:
    """Whole pixels with the line half outside of the box, inside the picture and never empty."""
    (x0, x1), (y0, y1) = (
        (
            min(max(math.floor(first) - line // 2, 0), side - 1),
            max(min(math.ceil(last) + line // 2, side), 1),
        )
        for first, last, side in ((box[0], box[2], image.width), (box[1], box[3], image.height))
    )
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """``text``, cut where its tab would be wider than ``width`` pixels."""
    kept = len(text)
    while kept and _tab_size(text, font)[0] > width:
        kept -= 1
        text = f"{text[:kept]}…"
    return text


def _tab_size(text: str, font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    """Width and height: the line of text and a margin that grows with it."""
    ascent, descent = font.getmetrics()
    margin = max(2, round(font.size / 4))
    return math.ceil(font.getlength(text)) + 2 * margin, ascent + descent


def _tabs(
    frames: Sequence[Frame], sizes: Sequence[tuple[int, int]], image: Image.Image
) -> list[Frame]:
    """The place of each tab: of those where it could be, the one that covers the least share of
    other tabs (above all) and of boxes; the earlier, where it is much the same."""
    boxes = np.array(frames).reshape(-1, 4)
    placed: list[Frame] = []
    for frame, size in zip(frames, sizes, strict=True):
        places = np.array([_inside(x, y, size, image) for x, y in _corners(frame, size)])
        taken = np.array(placed).reshape(-1, 4)
        covered = 10 * _covered(places, taken) + _covered(places, boxes)
        best = (covered + 0.02 * np.arange(len(places))).argmin()
        x0, y0, x1, y1 = places[best].tolist()
        placed.append((x0, y0, x1, y1))
    return placed


def _corners(frame: Frame, size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Possible left upper corners of a tab, the best first: above its box, below it, beside it, in
    it."""
    (x0, y0, x1, y1), (width, height) = frame, size
    return (
        (x0, y0 - height),
        (x1 - width, y0 - height),
        (x0, y1),
        (x1 - width, y1),
        (x1, y0),
        (x0 - width, y0),
        (x0, y0),
    )


def _inside(x: int, y: int, size: tuple[int, int], image: Image.Image) -> Frame:
    """A tab at x, y, moved into the picture."""
    width, height = size
    x, y = max(0, min(x, image.width - width)), max(0, min(y, image.height - height))
    return x, y, x + width, y + height


def _covered(places: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many of the boxes [M, 4] each of [N, 4] covers, parts added up: [N]."""
    first = np.maximum(places[:, None, :2], others[:, :2])
    last = np.minimum(places[:, None, 2:], others[:, 2:])
    areas = (others[:, 2:] - others[:, :2]).prod(1)
    covered: NDArray[np.float64] = ((last - first).clip(0).prod(2) / areas).sum(1)
    return covered
