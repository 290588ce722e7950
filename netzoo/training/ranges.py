"""The ranges of input sizes that detectors are trained at, as the training guide lists them.

YOLOv5, v8, v9 and YOLO-World are ranges without networks here.
"""

from __future__ import annotations

from collections.abc import Mapping

from sizewise.core.specs import Size, Sizes

RANGES: Mapping[str, Sizes] = {
    "yolov2": Sizes.parse("320:608:32"),
    "yolov3": Sizes.parse("320:608:32"),
    "yolov5": Sizes.parse("320:896:32"),
    "yolov8": Sizes.parse("320:896:32"),
    "yolov9": Sizes.parse("320:896:32"),
    "yolo-world": Sizes.parse("320:640:32"),
}

_LEAST, _MOST = 5, 10
"""Strides of the usual range."""


def usual_sizes(stride: int) -> Sizes:
    """The range without another: at a stride of 32, 160 to 320 pixels."""
    sides = range(_LEAST * stride, _MOST * stride + 1, stride)
    text = f"{sides[0]}:{sides[-1]}:{stride}"
    return Sizes((Size(side, side) for side in sides), text)
