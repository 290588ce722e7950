"""Quantized files as each CPU library gets them right, made at build without any data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.backends._quantized.carrying import add_pairs, add_pairs_behind
from engines.backends._quantized.saturation import takes_all_bits
from engines.backends._quantized.unshared import unshare_weights
from engines.backends._quantized.unsigned import make_unsigned
from engines.backends._quantized.widened import widen
from sizewise.core.onnxfiles.ranges import read_least

if TYPE_CHECKING:
    from onnx import ModelProto

_SCALES_END = ("SpaceToDepth",)
"""Operators that move values, through which OpenVINO carries no scale (2026.4)."""


def adapt_to_onnxruntime(proto: ModelProto) -> None:
    """Change, in place, a file in int8."""
    add_pairs(proto)
    make_unsigned(proto, read_least(proto))
    if takes_all_bits(proto):
        unshare_weights(proto)


def adapt_to_openvino(proto: ModelProto, *, mixed: bool = False) -> None:
    """Change, in place, a file in int8 or, where it is ``mixed``, in 8 and 16 bits."""
    if mixed:
        widen(proto)
    add_pairs_behind(proto, _SCALES_END)
    make_unsigned(proto)
