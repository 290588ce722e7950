"""Fitting a picture into a network's input: scaled, with grey around it.

For a network that was trained so, it is stretched to fill the input instead.

The same transform takes boxes there and back. (Scaling x and y on their own, as some
multi-scale training code does, puts boxes of a letterboxed picture in the wrong place.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sizewise.core.specs import Size

PADDING = 114
"""The grey of the border, 0–255: that of Darknet's successors."""


@dataclass(frozen=True, kw_only=True)
class Letterbox:
    """input = source × (``scale_x``, ``scale_y``) + (``left``, ``top``), in pixels."""

    source: Size
    target: Size
    scale_x: float
    scale_y: float
    left: int
    top: int

    @classmethod
    def fit(cls, source: Size, target: Size, *, keep_shape: bool = True) -> Letterbox:
        """The largest copy of ``source`` that ``target`` holds, in its centre; without
        ``keep_shape``, ``source`` stretched to all of it."""
        scale_x, scale_y = target.width / source.width, target.height / source.height
        if keep_shape:
            scale_x = scale_y = min(scale_x, scale_y)
        inner = _scaled(source, scale_x, scale_y)
        return cls(
            source=source,
            target=target,
            scale_x=scale_x,
            scale_y=scale_y,
            left=(target.width - inner.width) // 2,
            top=(target.height - inner.height) // 2,
        )

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB [H, W, 3] of 0–255 → [3, target height, target width] of 0–1."""
        canvas = self.apply_bytes(image)
        return np.ascontiguousarray(canvas.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)

    def apply_bytes(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB [H, W, 3] of 0–255 → [target height, target width, 3], likewise."""
        canvas = np.full((self.target.height, self.target.width, 3), PADDING, np.uint8)
        canvas[self._inner()] = self._resize(Image.fromarray(image), Image.Resampling.BILINEAR)
        return canvas

    def mask_to_input(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Classes [H, W] → [target height, target width], nearest neighbour, 0 in the border."""
        canvas = np.zeros((self.target.height, self.target.width), np.uint8)
        canvas[self._inner()] = self._resize(Image.fromarray(mask), Image.Resampling.NEAREST)
        return canvas

    def map_to_source(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """A map over the input (logits, say) [target height, target width] → [H, W], bilinear."""
        inner = Image.fromarray(np.ascontiguousarray(values[self._inner()], dtype=np.float32))
        size = (self.source.width, self.source.height)
        return np.asarray(inner.resize(size, Image.Resampling.BILINEAR))

    def numbers_to_source(self, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
        """Whole numbers over the input [target height, target width] → [H, W], nearest
        neighbour."""
        inner = Image.fromarray(np.ascontiguousarray(numbers[self._inner()], dtype=np.int32))
        size = (self.source.width, self.source.height)
        return np.asarray(inner.resize(size, Image.Resampling.NEAREST))

    def boxes_to_input(self, boxes: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """x0 y0 x1 y1 [..., 4] in pixels of the source → in pixels of the input."""
        return (boxes * self._scales() + self._offsets()).astype(np.float32)

    def boxes_to_source(self, boxes: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """The inverse of :meth:`boxes_to_input`. Boxes may reach beyond the picture."""
        return ((boxes - self._offsets()) / self._scales()).astype(np.float32)

    def clip(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """``boxes`` in pixels of the source, cut off at the picture's border."""
        width, height = self.source.width, self.source.height
        return boxes.clip(0, np.array([width, height, width, height], np.float32))

    def _scales(self) -> NDArray[np.float64]:
        return np.array([self.scale_x, self.scale_y, self.scale_x, self.scale_y], np.float64)

    def _offsets(self) -> NDArray[np.float64]:
        return np.array([self.left, self.top, self.left, self.top], np.float64)

    def _inner(self) -> tuple[slice, slice]:
        inner = _scaled(self.source, self.scale_x, self.scale_y)
        return (
            slice(self.top, self.top + inner.height),
            slice(self.left, self.left + inner.width),
        )

    def _resize(self, image: Image.Image, how: Image.Resampling) -> NDArray[np.uint8]:
        inner = _scaled(self.source, self.scale_x, self.scale_y)
        # Pillow's bilinear filter widens with the reduction, so small input has no aliasing.
        return np.asarray(image.resize((inner.width, inner.height), how))


def _scaled(size: Size, scale_x: float, scale_y: float) -> Size:
    return Size(max(1, round(size.height * scale_y)), max(1, round(size.width * scale_x)))
