"""Mutants of ONNX files, by a seed: most of them of the graph's structure, the others of bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, helper

from sizewise.core.onnxfiles.cards import CARD_KEY

STRUCTURAL = 0.8
"""Share of the mutants that are of the structure."""
_TRIES = 100
_INTS = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 7, 2**16, 2**31, 2**40, 2**63 - 1)
_FLOATS = (float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e-40, 1e30)
_KINDS = (
    *(AttributeProto.FLOAT, AttributeProto.INT, AttributeProto.STRING, AttributeProto.TENSOR),
    *(AttributeProto.GRAPH, AttributeProto.INTS, AttributeProto.UNDEFINED),
)
_TYPES = (*range(30), 99, -1)
_OPERATORS = (
    *("Relu", "Exp", "Log", "Sqrt", "Neg", "Identity", "Softmax", "MaxPool", "Transpose", "Shape"),
    *("Concat", "Add", "MatMul", "Reshape", "Cast", "NonZero", "Dropout", "RandomNormalLike"),
    *("Loop", "If", "Scan", "Optional", "SequenceConstruct", "NonMaxSuppression", "NoSuchThing"),
)
_PLACES = (
    *("", ".", "..", "../weights.bin", "../../outside/weights.bin", "/etc/hostname", "/dev/zero"),
    *("absent", "a/../b", "m.onnx"),
)
_CARDS: tuple[dict[str, Any], ...] = (
    *({"stride": 0}, {"stride": -8}, {"stride": 2**62}, {"smallest": 0}, {"parameters": -1}),
    *({"tree": [5]}, {"network": "\x1b[2J"}, {"layout": "none"}, {"precision": "float36"}),
    *({"suppression": {"iou_threshold": 7}}, {"preprocessing": {"std": [0, 0, 0]}}, {"network": 3}),
    {"inputs": [{"name": "images", "values": [0.5], "file": "/etc/hostname"}]},
)


def mutant(path: Path, seed: int) -> str:
    """Change the model at ``path`` in place; gives the names of the changes.

    What changes nothing, for there is nothing of the kind, is tried again with something else.
    """
    random, before = Random(seed), path.read_bytes()
    change = _structure if random.random() < STRUCTURAL else _bytes
    for _ in range(_TRIES):
        data, names = change(random, before)
        if data != before:
            path.write_bytes(data)
            return names
    raise ValueError(f"nothing changes {path}")


def is_structural(names: str) -> bool:
    """Whether changes that :func:`mutant` made are of the graph, and not of bytes."""
    return names not in (_named(spoil) for spoil in _SPOILERS)


def _structure(random: Random, before: bytes) -> tuple[bytes, str]:
    proto = ModelProto.FromString(before)
    made = [random.choice(MUTATORS) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    for change in made:
        try:
            change(random, proto)
        except (ValueError, IndexError, DecodeError):  # nothing of the kind, or no room
            continue
    return proto.SerializeToString(), " ".join(map(_named, made))


def _bytes(random: Random, before: bytes) -> tuple[bytes, str]:
    data, spoil = bytearray(before), random.choice(_SPOILERS)
    spoil(random, data)
    return bytes(data), _named(spoil)


def _named(change: Callable[..., None]) -> str:
    return change.__name__.strip("_")


def _flip(random: Random, data: bytearray) -> None:
    for _ in range(random.choice((1, 1, 4, 16))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _cut(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data)) :]


def _repeat(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    data[start:start] = data[start : start + random.randrange(1, 200)]


def _overwrite(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    data[start : start + 8] = random.randbytes(8)


_SPOILERS = (_flip, _cut, _repeat, _overwrite)


def _node(random: Random, proto: ModelProto) -> onnx.NodeProto:
    graphs = [proto.graph, *(a.g for n in proto.graph.node for a in n.attribute if a.HasField("g"))]
    nodes = [node for graph in graphs for node in graph.node]
    nodes += [node for function in proto.functions for node in function.node]
    return random.choice(nodes)


def _names(proto: ModelProto) -> list[str]:
    made = [name for node in proto.graph.node for name in node.output]
    return [*made, *(i.name for i in proto.graph.input), *(t.name for t in proto.graph.initializer)]


def _drop_node(random: Random, proto: ModelProto) -> None:
    del proto.graph.node[random.randrange(len(proto.graph.node))]


def _double_node(random: Random, proto: ModelProto) -> None:
    proto.graph.node.add().CopyFrom(_node(random, proto))


def _shuffle_nodes(random: Random, proto: ModelProto) -> None:
    nodes = list(proto.graph.node)
    random.shuffle(nodes)
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del proto.graph.node[:]
    proto.graph.node.extend(copies)


def _other_operator(random: Random, proto: ModelProto) -> None:
    _node(random, proto).op_type = random.choice(_OPERATORS)


def _other_domain(random: Random, proto: ModelProto) -> None:
    domain = random.choice(("com.microsoft", "nobody.knows", "ai.onnx.ml", "ours"))
    _node(random, proto).domain = domain
    if random.random() < 0.5:
        proto.opset_import.append(helper.make_opsetid(domain, 1))


def _other_input(random: Random, proto: ModelProto) -> None:
    node = _node(random, proto)
    node.input[random.randrange(len(node.input))] = random.choice([*_names(proto), "", "absent"])


def _other_output(random: Random, proto: ModelProto) -> None:
    node = _node(random, proto)
    node.output[random.randrange(len(node.output))] = random.choice([*_names(proto), "", "new"])


def _more_inputs(random: Random, proto: ModelProto) -> None:
    _node(random, proto).input.extend([random.choice(_names(proto))] * random.choice((1, 2, 50)))


def _fewer_inputs(random: Random, proto: ModelProto) -> None:
    node = _node(random, proto)
    del node.input[random.randrange(len(node.input)) :]


def _no_outputs(random: Random, proto: ModelProto) -> None:
    del _node(random, proto).output[:]


def _attribute(random: Random, proto: ModelProto) -> AttributeProto:
    found = [a for n in proto.graph.node for a in n.attribute]
    return random.choice(found)


def _drop_attributes(random: Random, proto: ModelProto) -> None:
    del _node(random, proto).attribute[:]


def _other_numbers(random: Random, proto: ModelProto) -> None:
    found = _attribute(random, proto)
    if found.type == AttributeProto.INT:
        found.i = random.choice(_INTS)
    if found.type == AttributeProto.FLOAT:
        found.f = random.choice(_FLOATS)
    for place in range(len(found.ints)):
        if random.random() < 0.5:
            found.ints[place] = random.choice(_INTS)


def _other_attribute_type(random: Random, proto: ModelProto) -> None:
    _attribute(random, proto).type = random.choice(_KINDS)


def _tensor(random: Random, proto: ModelProto) -> TensorProto:
    held = [a.t for n in proto.graph.node for a in n.attribute if a.HasField("t")]
    return random.choice([*proto.graph.initializer, *held])


def _other_dims(random: Random, proto: ModelProto) -> None:
    tensor = _tensor(random, proto)
    if tensor.dims and random.random() < 0.7:
        tensor.dims[random.randrange(len(tensor.dims))] = random.choice(_INTS)
    else:
        tensor.dims.extend([random.choice(_INTS)] * random.choice((1, 40)))


def _other_type(random: Random, proto: ModelProto) -> None:
    _tensor(random, proto).data_type = random.choice(_TYPES)


def _other_values(random: Random, proto: ModelProto) -> None:
    tensor = _tensor(random, proto)
    value = random.choice(
        (b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\0\0\0\0", b"\xff\xff\x7f\x7f")
    )
    tensor.raw_data = (value * len(tensor.raw_data))[: len(tensor.raw_data)]


def _scaled_values(random: Random, proto: ModelProto) -> None:
    """What a weight in float32 holds, times a number; other types become something."""
    tensor = _tensor(random, proto)
    values = np.frombuffer(tensor.raw_data[: len(tensor.raw_data) // 4 * 4], np.float32)
    scaled = (values * np.float32(random.choice((-1, 0.5, 2, 1e3)))).tobytes()
    tensor.raw_data = scaled + tensor.raw_data[len(scaled) :]


def _renamed(random: Random, proto: ModelProto) -> None:
    """A name within the graph, wherever it stands there."""
    old = random.choice([name for node in proto.graph.node for name in node.output])
    new = random.choice(("\u0451\u0436", "a b", "/x:0", "\n", "x" * 300))
    for node in proto.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                names[place] = new if name == old else name
    for output in proto.graph.output:
        output.name = new if output.name == old else output.name


def _passed_through(random: Random, proto: ModelProto) -> None:
    """An operator between a node and what it reads."""
    node = _node(random, proto)
    place = random.randrange(len(node.input))
    kind = random.choice(("Identity", "Relu", "Neg", "Sigmoid", "Exp", "Dropout", "Softplus"))
    made = helper.make_node(kind, [node.input[place]], [f"between_{kind}"])
    at = next((n for n, one in enumerate(proto.graph.node) if one is node), 0)
    node.input[place] = f"between_{kind}"
    proto.graph.node.insert(at, made)


def _other_length(random: Random, proto: ModelProto) -> None:
    tensor = _tensor(random, proto)
    half = tensor.raw_data[: len(tensor.raw_data) // 2]
    tensor.raw_data = half if random.random() < 0.5 else tensor.raw_data + half


def _sent_outside(random: Random, proto: ModelProto) -> None:
    tensor = _tensor(random, proto)
    size = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    numbers = ["0", "-1", str(size), str(2**63), "9" * 30, "x", "", "1e3"]
    given = {"location": random.choice((*_PLACES, "weights.bin", "weights.bin"))}
    given |= {key: random.choice(numbers) for key in ("offset", "length") if random.random() < 0.7}
    for key, value in given.items():
        tensor.external_data.add(key=key, value=value)


def _end(random: Random, proto: ModelProto) -> onnx.ValueInfoProto:
    return random.choice([*proto.graph.input, *proto.graph.output])


def _end_of_other_type(random: Random, proto: ModelProto) -> None:
    _end(random, proto).type.tensor_type.elem_type = random.choice(_TYPES)


def _end_of_other_shape(random: Random, proto: ModelProto) -> None:
    shape = _end(random, proto).type.tensor_type.shape
    if shape.dim and random.random() < 0.7:
        shape.dim[random.randrange(len(shape.dim))].dim_value = random.choice(_INTS)
    else:
        shape.dim.add().dim_param = random.choice(("b", "", "n"))


def _end_of_other_kind(random: Random, proto: ModelProto) -> None:
    end, kind = _end(random, proto), random.choice(("sequence", "optional", "map", "sparse", ""))
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
    if kind == "sequence":
        end.type.CopyFrom(helper.make_sequence_type_proto(tensor))
    elif kind == "optional":
        end.type.CopyFrom(helper.make_optional_type_proto(tensor))
    elif kind == "map":
        end.type.CopyFrom(helper.make_map_type_proto(TensorProto.INT64, tensor))
    elif kind == "sparse":
        end.type.CopyFrom(helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, [1]))
    else:
        end.ClearField("type")


def _double_output(random: Random, proto: ModelProto) -> None:
    proto.graph.output.add().CopyFrom(random.choice(list(proto.graph.output)))


def _another_output(random: Random, proto: ModelProto) -> None:
    kind = random.choice((TensorProto.FLOAT, TensorProto.STRING, TensorProto.BFLOAT16))
    name = random.choice(_names(proto))
    proto.graph.output.append(helper.make_tensor_value_info(name, kind, None))


def _fewer_ends(random: Random, proto: ModelProto) -> None:
    del random.choice((proto.graph.input, proto.graph.output))[:1]


def _other_versions(random: Random, proto: ModelProto) -> None:
    if random.random() < 0.5:
        proto.ir_version = random.choice((0, 1, 3, 99, 2**40))
    else:
        proto.opset_import[0].version = random.choice((0, 1, 6, 9, 13, 999, -1))


def _no_opsets(random: Random, proto: ModelProto) -> None:
    del random, proto.opset_import[:]


def _other_card(random: Random, proto: ModelProto) -> None:
    del proto.metadata_props[:]
    text = json.dumps({"network": "n"} | random.choice(_CARDS))
    text = random.choice((text, text, text, "{", "[" * 5000, '{"network": 1e999}'))
    proto.metadata_props.add(key=CARD_KEY, value=text)


def _bomb(random: Random, proto: ModelProto) -> None:
    """Functions that call the next one twice each."""
    levels, opsets = random.choice((3, 20, 40, 300)), [helper.make_opsetid("", 17)]
    for level in range(levels):
        last = level == levels - 1 and random.random() < 0.8
        called = "Neg" if last else f"f{(level + 1) % levels}"
        domain = "" if last else "bomb"
        pair = [("x", "m"), ("m", "y")]
        body = [helper.make_node(called, [a], [b], domain=domain) for a, b in pair]
        of = [*opsets, helper.make_opsetid("bomb", 1)]
        proto.functions.append(helper.make_function("bomb", f"f{level}", ["x"], ["y"], body, of))
    proto.opset_import.append(helper.make_opsetid("bomb", 1))
    node = _node(random, proto)
    node.op_type, node.domain = "f0", "bomb"


def _nest(random: Random, proto: ModelProto) -> None:
    """Branches within branches, around a node that reads nothing."""
    out = helper.make_tensor_value_info("deep", TensorProto.FLOAT, [1])
    inner = helper.make_node("Constant", [], ["deep"], value_floats=[1.0])
    flat: GraphProto = helper.make_graph([inner], "flat", [], [out])
    for _ in range(random.choice((2, 10, 20, 40))):
        graph = helper.make_graph([inner], "deep", [], [out])
        given = [_names(proto)[0]]
        inner = helper.make_node("If", given, ["deep"], then_branch=graph, else_branch=flat)
    proto.graph.node.append(inner)


def _random(random: Random, proto: ModelProto) -> None:
    """Noise in place of an output, or beside it."""
    name = proto.graph.output[0].name
    for node in proto.graph.node:
        for place, output in enumerate(node.output):
            if output == name:
                node.output[place] = "quiet"
    added = helper.make_node(random.choice(("RandomNormalLike", "Bernoulli")), ["quiet"], [name])
    proto.graph.node.append(added)


MUTATORS: tuple[Callable[[Random, ModelProto], None], ...] = (
    *(_drop_node, _double_node, _shuffle_nodes, _other_operator, _other_domain, _other_input),
    *(_other_output, _more_inputs, _fewer_inputs, _no_outputs, _drop_attributes, _other_numbers),
    *(_other_attribute_type, _other_dims, _other_type, _other_values, _other_length),
    *(_sent_outside, _end_of_other_type, _end_of_other_shape, _end_of_other_kind, _double_output),
    *(_another_output, _fewer_ends, _other_versions, _no_opsets, _other_card, _bomb, _nest),
    *(_random, _other_numbers, _other_values, _other_input, _other_operator),
    *((_scaled_values, _renamed, _passed_through, _other_numbers) * 3),
)
"""What a mutant may have gone through; what leaves most graphs whole stands there more often."""
