"""ONNX Runtime's own profile of a call: each node's types, and where it ran."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from engines.graph.precision_names import precision_of
from engines.profiles import ProfiledNode
from sizewise.core.errors import BuildError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import LayerPrecision

_CALL = "model_run"
"""Follows the nodes of a call."""
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


def read_times(
    profile: Path, *, first: int, made_of: Mapping[str, tuple[str, ...]]
) -> tuple[ProfiledNode, ...]:
    """Each node with its median time over all calls but the ``first``; ``made_of`` has what the
    nodes compute, by their names."""
    calls = list(_calls(json.loads(profile.read_text(encoding="utf-8"))))[first:]
    times: dict[str, list[int]] = {}
    last: dict[str, LayerPrecision] = {}
    for number, call in enumerate(calls):
        for event in call:
            layer = _layer(event, "")
            last[layer.name] = layer
            times.setdefault(layer.name, [0] * len(calls))[number] += event["dur"]
    return tuple(
        ProfiledNode(
            name=name,
            kind=one.kind,
            precision=one.precision,
            made_of=made_of.get(name, ()),
            us=float(median(times[name])),
        )
        for name, one in last.items()
    )


def _calls(events: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The nodes of each call, in the order of the profile."""
    nodes: list[dict[str, Any]] = []
    for event in events:
        if event["name"] == _CALL:
            yield nodes
            nodes = []
        elif event["name"].endswith(_RAN):
            nodes.append(event)


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
