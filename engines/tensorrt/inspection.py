"""The precisions of an engine's layers, as TensorRT's engine inspector reports them.

NVIDIA's developer guide, "Engine Inspector": layers list their inputs and outputs, and of each its
format, which names a type (``Half``, ``FP16``, ``Int8`` …). For an engine of many sizes that is
``N/A due to dynamic shapes``; weights always have their type. From TensorRT 10 on it lists the
layers of one profile, not of each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engines.graph.precision_names import WIDTHS
from sizewise.core.specs import Achieved, LayerPrecision, computes

_TYPES = {
    "float": "fp32",
    "fp32": "fp32",
    "half": "fp16",
    "fp16": "fp16",
    "bf16": "bf16",
    "bfloat16": "bf16",
    "int8": "int8",
    "fp8": "fp8",
}
_TYPE_KEYS = ("Format/Datatype", "Datatype", "Type")
_OPERATORS = {"MatrixMultiply": "MatMul"}
_WORD = re.compile(r"[a-z]+\d*")


def inspect(trt: Any, engine: Any) -> Achieved:
    """The precisions of a deserialised engine; see ``read_layers``."""
    text = engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON)
    try:
        document = json.loads(text, strict=False)  # control characters part names in it
    except ValueError as error:
        return _guaranteed(f"what its inspector says can't be read: {error}")
    return read_layers(document if isinstance(document, dict) else {})


def read_layers(document: Mapping[str, Any]) -> Achieved:
    """The layers in the inspector's ``document``, or the reason why it shows none that computes.

    The precision of layers that it hides (one node may hold many, or the whole graph) is guaranteed
    by strong typing.
    """
    shown = [layer for layer in document.get("Layers") or () if isinstance(layer, dict)]
    layers = tuple(filter(None, map(_layer, shown)))
    if not any(computes(layer.kind) for layer in layers):
        return _guaranteed(f"its {len(shown)} layers hide what they compute: typed as the graph is")
    return Achieved(layers=layers, vouched=True)


def _guaranteed(reason: str) -> Achieved:
    return Achieved(reason=reason, vouched=True)


def _layer(layer: Mapping[str, Any]) -> LayerPrecision | None:
    """A layer as it runs; None for one without types, and for one that hides others.

    Its weights show the precision that it computes in; inputs may be of several types (what is
    added, indices).
    """
    name, kind = str(layer.get("Name", "")), str(layer.get("LayerType", ""))
    types = set(_types(_weights(layer))) or set(_types(layer.get("Inputs") or ()))
    if not types or "ForeignNode" in name:
        return None
    precision = min(types, key=WIDTHS.__getitem__)
    return LayerPrecision(name=name, kind=_OPERATORS.get(kind, kind), precision=precision)


def _weights(layer: Mapping[str, Any]) -> list[Any]:
    """The constant weights of a layer; none where they are an input: they are counted as 0 then."""
    weights = layer.get("Weights")
    return [weights] if isinstance(weights, dict) and weights.get("Count") else []


def _types(tensors: Iterable[Any]) -> Iterator[str]:
    for tensor in filter(lambda one: isinstance(one, dict), tensors):
        types = next((str(tensor[key]) for key in _TYPE_KEYS if key in tensor), "")
        yield from (_TYPES[word] for word in _WORD.findall(types.lower()) if word in _TYPES)
