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
LEAST_KEY = "sizewise.least"


def write_ranges(proto: onnx.ModelProto, ranges: Mapping[str, float]) -> None:
    """Put into the metadata of ``proto`` up to which magnitude each of these tensors is to be
    quantized, where a back end wants it quantized: the graph itself does not do so."""
    proto.metadata_props.add(key=RANGES_KEY, value=codec.to_json(dict(ranges)))


def read_ranges(proto: onnx.ModelProto) -> dict[str, float]:
    """The ranges in the metadata of ``proto``; none where there are none that can be read."""
    return {name: reach for name, reach in _read(proto, RANGES_KEY).items() if reach >= 0}


def write_least(proto: onnx.ModelProto, least: Mapping[str, float]) -> None:
    """Put into the metadata of ``proto`` the smallest value of each of these tensors, or 0 where
    none is below: a back end may want no steps where there are no values."""
    known = {name: value for name, value in least.items() if math.isfinite(value)}
    proto.metadata_props.add(key=LEAST_KEY, value=codec.to_json(known))


def read_least(proto: onnx.ModelProto) -> dict[str, float]:
    """The smallest values in the metadata of ``proto``; none where none can be read."""
    return {name: value for name, value in _read(proto, LEAST_KEY).items() if value <= 0}


def _read(proto: onnx.ModelProto, key: str) -> dict[str, float]:
    text = next((one.value for one in proto.metadata_props if one.key == key), "{}")
    try:
        found = codec.from_json(text, dict[str, float])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}
    return {name: value for name, value in found.items() if math.isfinite(value)}
