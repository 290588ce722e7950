"""A quantized graph as TensorRT wants it: quantized before a layer, not behind it.

Files of other tools have a pair of QuantizeLinear and DequantizeLinear behind each convolution, as
ONNX Runtime needs it to run one in integers; so do ours of earlier versions. TensorRT fuses a
convolution with the activation that follows, unless a pair stands between the two (NVIDIA's
developer guide, "Working with Quantized Types", on where to place Q/DQ nodes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from engines.graph.reading import captured, readers_of
from sizewise.core.onnxfiles.moving import moved_inputs
from sizewise.core.specs import computes

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto


def drop_output_pairs(proto: ModelProto) -> int:
    """Remove, in place, each pair right behind a convolution or a product that none of the others
    reads; gives the number of pairs.

    The activation that follows then reads values that are not rounded.
    """
    graph = proto.graph
    made_by = {name: node for node in graph.node for name in node.output}
    readers = readers_of(graph)
    given = {output.name for output in graph.output} | captured(graph)
    dropped: list[NodeProto] = []
    for quantizer in [n for n in graph.node if n.op_type == "QuantizeLinear"]:
        maker = made_by.get(quantizer.input[0])
        pair = [quantizer, *readers[quantizer.output[0]]]
        if maker and computes(maker.op_type) and _only_rounds(pair, readers, given):
            _bypass(pair, quantizer.input[0], readers)
            dropped += pair
    for node in dropped:
        graph.node.remove(node)
    return sum(node.op_type == "QuantizeLinear" for node in dropped)


def _only_rounds(
    pair: list[NodeProto], readers: Mapping[str, list[NodeProto]], given: set[str]
) -> bool:
    """``given``: what has to stay."""
    quantizer, *dequantizers = pair
    if not dequantizers or any(node.output[0] in given for node in pair):
        return False
    after = [node for d in dequantizers for node in _readers_behind(d.output[0], readers)]
    return all(
        node.op_type == "DequantizeLinear" and node.input[1:] == quantizer.input[1:]
        for node in dequantizers
    ) and not any(computes(node.op_type) for node in after)


def _readers_behind(name: str, readers: Mapping[str, list[NodeProto]]) -> Iterator[NodeProto]:
    """The nodes that read a tensor, and those that read its values where a node moves them."""
    for node in readers.get(name, []):
        yield node
        if name in moved_inputs(node):
            for output in node.output:
                yield from _readers_behind(output, readers)


def _bypass(pair: list[NodeProto], source: str, readers: Mapping[str, list[NodeProto]]) -> None:
    for dequantizer in pair[1:]:
        for node in readers.get(dequantizer.output[0], []):
            for place, name in enumerate(node.input):
                if name == dequantizer.output[0]:
                    node.input[place] = source
