"""How far the values of tensors reach, in the metadata of a quantized ONNX file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from sizewise.core import codec

if TYPE_CHECKING:
    import onnx

RANGES_KEY = "sizewise.ranges"


def write_ranges(proto: onnx.ModelProto, ranges: Mapping[str, float]) -> None:
    """Put into the metadata of ``proto`` up to which magnitude each of these tensors is to be
    quantized, where a back end wants it quantized: the graph itself does not do so."""
    proto.metadata_props.add(key=RANGES_KEY, value=codec.to_json(dict(ranges)))


def read_ranges(proto: onnx.ModelProto) -> dict[str, float]:
    """The ranges in the metadata of ``proto``; none where there are none that can be read."""
    text = next((one.value for one in proto.metadata_props if one.key == RANGES_KEY), "{}")
    try:
        found = codec.from_json(text, dict[str, float])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}
    return {name: reach for name, reach in found.items() if math.isfinite(reach) and reach >= 0}
