"""What the layers of a compiled model run in, and how long they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines.backends._openvino.profile import made_of
from engines.graph.precision_names import precision_of
from engines.profiles import ProfiledNode
from sizewise.core.specs import LayerPrecision, computes

_NO_LAYERS = ("Const", "Input", "Output", "Reorder", "Reshape", "Transpose", "Convert")
_INTEGERS, _FLOATS = ("i8", "u8", "i4", "u4"), ("f32", "f16", "bf16")
_MASKS = ("u8", "boolean")
"""In a graph that is not quantized, what a comparison gives and a choice goes by."""


def layer_of(node: Any, *, quantized: bool) -> LayerPrecision:
    info = {key: value.value for key, value in node.get_rt_info().items()}
    kind, found = info["layerType"], _runs_in(info)
    is_layer = kind not in _NO_LAYERS and (quantized or found not in _MASKS)
    precision = precision_of([found] if is_layer else [])
    return LayerPrecision(name=node.get_friendly_name(), kind=kind, precision=precision)


def profiled(node: Any, times: Mapping[str, float]) -> ProfiledNode:
    layer = layer_of(node, quantized=True)
    info = {key: value.value for key, value in node.get_rt_info().items()}
    return ProfiledNode(
        name=layer.name,
        kind=layer.kind,
        precision=layer.precision,
        made_of=made_of(info),
        us=times[layer.name],
    )


def _runs_in(info: Mapping[str, str]) -> str:
    """The type that a layer computes in. Of weights that are stored as integers and multiplied as
    floats, the plug-in names the former, and its primitive's name ends in the latter."""
    stored = info["runtimePrecision"]
    computed = info.get("primitiveType", "").rpartition("_")[2].lower()
    widened = computes(info["layerType"]) and stored in _INTEGERS and computed in _FLOATS
    return computed if widened else stored
