"""Pictures into a network's input: decoded, given to an engine by their size, and fitted in.

This file is part of a package that sizewise wrote. It needs NumPy and Pillow.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
_PADDING = 114
_LUMINANCE = np.array((0.299, 0.587, 0.114), np.float32).reshape(3, 1, 1)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def pixels_of(picture: Any, most_pixels: int) -> Any:
    """RGB uint8 [H, W, 3] of a path, the bytes of a file, or such an array. Raises ValueError where
    it is none, or larger than ``most_pixels``, and OSError."""
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"RGB uint8 [H, W, 3] is needed, not {picture.dtype} {picture.shape}")
        _demand_sides(picture.shape[0], picture.shape[1], most_pixels)
        return picture
    source = io.BytesIO(picture) if isinstance(picture, bytes) else Path(picture)
    try:
        with Image.open(source, formats=FORMATS) as image:
            _demand_sides(image.height, image.width, most_pixels)
            image.load()
            return np.asarray(_to_rgb(_upright(image)))
    except UnidentifiedImageError as error:
        raise ValueError(f"the picture is none of {', '.join(FORMATS)}, or broken") from error


def place_of(routing: dict[str, Any], height: int, width: int) -> tuple[dict[str, Any], list[int]]:
    """The engine of the plan that a picture of this size goes to, and its input: height, width."""
    engines = {one["name"]: one for one in routing["engines"]}
    for picture, name, size in routing["routes"]:
        if picture == [height, width]:
            return engines[name], size
    asked = [_asked(side, max(height, width), routing["rule"]) for side in (height, width)]
    for one in engines.values():
        if any(_admits(profile, asked) for profile in one["profiles"]):
            return one, asked
    places = [(one, size) for one in engines.values() for size in one["sizes"]]
    holding = [place for place in places if place[1][0] >= asked[0] and place[1][1] >= asked[1]]
    if holding:
        return min(holding, key=lambda place: math.prod(place[1]))
    return max(
        places,
        key=lambda place: (
            min(place[1][0] / height, place[1][1] / width),
            -math.prod(place[1]),
        ),
    )


def prepared(routing: dict[str, Any], picture: Any) -> tuple[dict[str, Any], Fit, Any]:
    """The engine that takes a picture, how it goes into the input, and that input. Raises
    ValueError and OSError for what is no picture."""
    pixels = pixels_of(picture, routing["most_pixels"])
    height, width = pixels.shape[:2]
    engine, size = place_of(routing, height, width)
    fit = Fit(height, width, size, letterbox=engine["letterbox"])
    return engine, fit, as_input(fit.apply(pixels), engine)


class Fit:
    """How a picture of ``height`` × ``width`` goes into the input ``size`` (height, width): scaled
    by one factor with grey around it, or stretched."""

    def __init__(self, height: int, width: int, size: list[int], *, letterbox: bool) -> None:
        self.height, self.width, self.size = height, width, size
        scale_x, scale_y = size[1] / width, size[0] / height
        if letterbox:
            scale_x = scale_y = min(scale_x, scale_y)
        self.inner = (max(1, round(height * scale_y)), max(1, round(width * scale_x)))
        self.top, self.left = (size[0] - self.inner[0]) // 2, (size[1] - self.inner[1]) // 2
        self._scales = np.array([scale_x, scale_y] * 2, np.float64)
        self._offsets = np.array([self.left, self.top] * 2, np.float64)

    def apply(self, pixels: Any) -> Any:
        """RGB uint8 [H, W, 3] → float32 [3, input height, input width] of 0-1."""
        canvas = np.full((*self.size, 3), _PADDING, np.uint8)
        resized = Image.fromarray(pixels).resize(self.inner[::-1], Image.Resampling.BILINEAR)
        rows = slice(self.top, self.top + self.inner[0])
        canvas[rows, self.left : self.left + self.inner[1]] = np.asarray(resized)
        return np.ascontiguousarray(canvas.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)

    def to_picture(self, boxes: Any) -> Any:
        """Boxes x0 y0 x1 y1 [N, 4] in pixels of the input → in those of the picture, cut off at its
        border."""
        found = ((boxes - self._offsets) / self._scales).astype(np.float32)
        return found.clip(0, np.array([self.width, self.height] * 2, np.float32))


def as_input(planes: Any, engine: dict[str, Any]) -> Any:
    """float32 [3, H, W] of 0-1 → the engine's input, a batch of one: type, channels, range."""
    colours, image = engine["colours"], engine["input"]
    if colours["mean"] != [0, 0, 0] or colours["std"] != [1, 1, 1]:
        mean, std = (np.array(colours[key], np.float32).reshape(3, 1, 1) for key in ("mean", "std"))
        planes = (planes - mean) / std
    if image["channels"] == 1:
        planes = (planes * _LUMINANCE).sum(axis=0, keepdims=True)
    elif colours["order"] == "bgr":
        planes = planes[::-1]
    dtype = np.dtype(image["dtype"])
    if dtype.kind in "ui":
        planes = np.rint(planes * 255)
    elif colours["most"] != 1:
        planes = planes * np.float32(colours["most"])
    if not image["channels_first"]:
        planes = planes.transpose(1, 2, 0)
    return np.ascontiguousarray(planes, dtype)[np.newaxis]


def _demand_sides(height: int, width: int, most_pixels: int) -> None:
    if not 0 < height * width <= most_pixels:
        raise ValueError(f"the picture has {height}x{width} pixels, and {most_pixels} are the most")


def _upright(image: Any) -> Any:
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Any) -> Any:
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"its channels ({image.mode}) have more than 8 bits")
    if not image.has_transparency_data:
        return image.convert("RGB")
    canvas = Image.new("RGBA", image.size, "white")
    canvas.alpha_composite(image.convert("RGBA"))
    return canvas.convert("RGB")


def _asked(side: int, longest: int, rule: dict[str, int]) -> int:
    most, stride = rule["side_px"], rule["stride"]
    scaled, by = (side * most, longest) if longest > most else (side, 1)
    return int(max(-(-scaled // (by * stride)), -(-rule["smallest_px"] // stride)) * stride)


def _admits(profile: list[list[int]], size: list[int]) -> bool:
    (low_h, low_w), (high_h, high_w) = profile
    return low_h <= size[0] <= high_h and low_w <= size[1] <= high_w
