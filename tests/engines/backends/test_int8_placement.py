"""What OpenVINO's compiler makes of our int8 files: between quantized convolutions, nothing that it
could run in 8 bits runs in float32. It decides so on any processor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import onnx
import pytest

from engines.backends._quantized.adapting import adapt_to_openvino
from exporter.graph.passes import run_pass
from exporter.precisions._prepare import Prepare
from tests.engines.backends.int8_engines import whole
from tests.engines.backends.int8_nets import network
from tests.exporter.small_nets import copied

openvino = pytest.importorskip("openvino")

_NARROW = ("u8", "i8")
_NOT_LAYERS = ("Const", "Input", "Output", "Reorder", "Convert")


def compiled(file: onnx.ModelProto) -> Any:
    made = copied(file)
    adapt_to_openvino(made)
    core = openvino.Core()
    graph = core.read_model(made.SerializeToString())
    graph.reshape([1, 3, 64, 64])
    config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}
    return core.compile_model(graph, "CPU", config).get_runtime_model()


def told(node: Any, key: str) -> str:
    return str(node.get_rt_info()[key].value)


def around(node: Any, step: Callable[[Any], Iterator[Any]]) -> Iterator[Any]:
    """All nodes before it, or all behind it."""
    seen: dict[str, Any] = {}
    left = list(step(node))
    while left:
        one = left.pop()
        if one.get_friendly_name() not in seen:
            seen[one.get_friendly_name()] = one
            left += step(one)
    yield from seen.values()


def before(node: Any) -> Iterator[Any]:
    return (value.get_source_output().get_node() for value in node.inputs())


def behind(node: Any) -> Iterator[Any]:
    return (one.get_node() for value in node.outputs() for one in value.get_target_inputs())


def is_quantized(node: Any) -> bool:
    return told(node, "layerType") == "Convolution" and told(node, "runtimePrecision") in _NARROW


CHAINS = [
    ["conv", "leaky", "conv", "leaky"],
    ["concat", "leaky", "conv", "leaky"],
    ["conv", "leaky", "add", "conv", "leaky"],
    ["nearest", "pool", "conv", "leaky"],
    ["conv", "relu", "split", "leaky"],
    ["conv", "silu", "slice", "relu"],
    ["conv", "relu", "conv", "concat", "silu"],
    ["conv", "mish", "focus"],
]


@pytest.mark.parametrize("parts", CHAINS, ids=" ".join)
def test_no_float_stands_between_quantized_convolutions(parts: list[str]) -> None:
    file = whole(run_pass(Prepare("int8", 13), network(parts)))
    nodes = compiled(file).get_ordered_ops()
    layers = [node for node in nodes if is_quantized(node)]
    assert len(layers) == sum(node.op_type == "Conv" for node in file.graph.node)
    names = {node.get_friendly_name() for node in layers}
    wide = []
    for node in nodes:
        if told(node, "layerType") in _NOT_LAYERS or node in layers:
            continue
        above = {one.get_friendly_name() for one in around(node, before)}
        below = {one.get_friendly_name() for one in around(node, behind)}
        if names & above and names & below and told(node, "runtimePrecision") not in _NARROW:
            wide.append((told(node, "layerType"), node.get_friendly_name()))
    assert wide == []
