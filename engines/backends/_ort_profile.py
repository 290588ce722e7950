"""What ONNX Runtime's own profile says of a call: each node's types, and where it ran."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engines.precisions import precision_of
from sizewise.errors import BuildError
from sizewise.specs import LayerPrecision

_RAN = "_kernel_time"
_CONVERSIONS = ("Cast", "QuantizeLinear", "DequantizeLinear", "ReorderInput", "ReorderOutput")


def read_layers(profile: Path, provider: str) -> tuple[LayerPrecision, ...]:
    """The nodes that compute, in the order in which they ran. Raises BuildError where one of them
    ran elsewhere than in ``provider``: ONNX Runtime falls back without a word."""
    events = json.loads(profile.read_text(encoding="utf-8"))
    nodes = [event for event in events if event["name"].endswith(_RAN)]
    for node in nodes:
        _expect_provider(node, provider)
    layers = (_layer(node) for node in nodes if node["args"]["op_name"] not in _CONVERSIONS)
    return tuple(layer for layer in layers if layer.precision)


def _layer(node: dict[str, Any]) -> LayerPrecision:
    types = [name for tensor in node["args"]["input_type_shape"] for name in tensor]
    return LayerPrecision(
        name=node["name"].removesuffix(_RAN),
        kind=node["args"]["op_name"],
        precision=precision_of(types),
    )


def _expect_provider(node: dict[str, Any], provider: str) -> None:
    placed = node["args"]["provider"]
    if placed != provider:
        raise BuildError(
            f"onnxruntime placed the node {node['name'].removesuffix(_RAN)} elsewhere",
            f"it runs on {placed}, not on {provider}",
            "Choose the back end for that device, or report this with the model.",
        )
