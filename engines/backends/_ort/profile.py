"""ONNX Runtime's own profile of a call: each node's types, and where it ran."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engines.graph.precision_names import precision_of
from sizewise.core.errors import BuildError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import LayerPrecision

_RAN = "_kernel_time"
_PROVIDER = "ExecutionProvider"
_CONVERSIONS = ("Cast", "QuantizeLinear", "DequantizeLinear", "ReorderInput", "ReorderOutput")


def read_layers(
    profile: Path, provider: str, *, allow_fallback: bool = False
) -> tuple[LayerPrecision, ...]:
    """The nodes that compute, in the order in which they ran. Raises BuildError where one of them
    ran elsewhere than on ``provider``, unless that is allowed: ONNX Runtime falls back without a
    word. Arithmetic on shapes belongs to the CPU everywhere."""
    events = json.loads(profile.read_text(encoding="utf-8"))
    nodes = (event for event in events if event["name"].endswith(_RAN))
    layers = [layer for layer in (_layer(node, provider) for node in nodes) if layer.precision]
    strays = [layer for layer in layers if layer.place]
    if strays and not allow_fallback:
        raise _elsewhere(strays, provider)
    return tuple(layer for layer in layers if layer.kind not in _CONVERSIONS)


def _layer(node: dict[str, Any], provider: str) -> LayerPrecision:
    types = [name for tensor in node["args"]["input_type_shape"] for name in tensor]
    placed = node["args"]["provider"]
    return LayerPrecision(
        name=node["name"].removesuffix(_RAN),
        kind=node["args"]["op_name"],
        precision=precision_of(types),
        place="" if placed == provider else placed.removesuffix(_PROVIDER),
    )


def _elsewhere(strays: list[LayerPrecision], provider: str) -> BuildError:
    first = strays[0]
    return BuildError(
        f"onnxruntime placed {len(strays)} nodes elsewhere than requested",
        f"for example, {first.name} runs on {first.place}, "
        f"not on {provider.removesuffix(_PROVIDER)}",
        f"Choose the back end for that device, or allow it with {spelled('allow_fallback')}.",
        reason_code="unsupported_placement",
    )
