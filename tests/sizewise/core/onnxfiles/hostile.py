"""Small ONNX files that are wrong in one way each, and the words in which that is said."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

Change = Callable[[ModelProto], object]
_FLOAT = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])


def plain() -> ModelProto:
    """Images and a weight ``w`` [4], whose sum with 3 channels' mean is the output."""
    text = """<ir_version: 10, opset_import: ["": 17, "ours": 1]>
    plain (float[1, 3, 8, 8] images) => (float[1, 4, 8, 8] sums)
    <float[1, 4, 1, 1] w = {1, 2, 3, 4}> {
        mean = ReduceMean <axes = [1]> (images)
        sums = Add (mean, w)
    }"""
    return onnx.parser.parse_model(text)


def _weight(proto: ModelProto) -> TensorProto:
    return proto.graph.initializer[0]


def outside(proto: ModelProto, **given: str) -> None:
    weight = _weight(proto)
    weight.CopyFrom(TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 4, 1, 1]))
    weight.data_location = TensorProto.EXTERNAL
    for key, value in ({"location": "weights.bin"} | given).items():
        weight.external_data.add(key=key, value=value)


def _twice_outside(proto: ModelProto) -> None:
    outside(proto)
    _weight(proto).external_data.add(key="location", value="another")


def _inside_and_outside(proto: ModelProto) -> None:
    values = _weight(proto).float_data[:]
    outside(proto)
    _weight(proto).float_data.extend(values)


def _texts_outside(proto: ModelProto) -> None:
    outside(proto)
    _weight(proto).data_type = TensorProto.STRING


def functions(proto: ModelProto, levels: int, *, calls: int = 2, last: str = "Neg") -> None:
    """Functions f0, f1, … each of which calls the next one ``calls`` times."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ours", 1)]
    for level in range(levels):
        ends = level == levels - 1
        called, domain = (
            (last, "ours" if last != "Neg" else "") if ends else (f"f{level + 1}", "ours")
        )
        names = ["x", *(f"m{n}" for n in range(calls - 1)), "y"]
        body = [helper.make_node(called, [a], [b], domain=domain) for a, b in pairwise(names)]
        proto.functions.append(
            helper.make_function("ours", f"f{level}", ["x"], ["y"], body, opsets)
        )
    proto.graph.node[0].CopyFrom(helper.make_node("f0", ["images"], ["mean"], domain="ours"))


def _nested(proto: ModelProto, levels: int) -> None:
    out = helper.make_tensor_value_info("deep", TensorProto.FLOAT, [1])
    node = helper.make_node("Constant", [], ["deep"], value_floats=[1.0])
    flat = helper.make_graph([node], "flat", [], [out])
    for _ in range(levels):
        deep = helper.make_graph([node], "deep", [], [out])
        node = helper.make_node("If", ["yes"], ["deep"], then_branch=deep, else_branch=flat)
    yes = numpy_helper.from_array(np.array(True), "yes")
    proto.graph.initializer.append(yes)
    proto.graph.node.append(node)


def _output(proto: ModelProto, kind: onnx.TypeProto) -> None:
    proto.graph.output[0].type.CopyFrom(kind)


def _sparse(proto: ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    places = numpy_helper.from_array(np.zeros(1, np.int64), "s_places")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [2**31, 2**31]))


def _set(what: str, **values: object) -> Change:
    """Set fields of the weight, of the input's or of the output's tensor type."""

    def change(proto: ModelProto) -> None:
        of = {
            "weight": _weight(proto),
            "input": proto.graph.input[0].type.tensor_type,
            "output": proto.graph.output[0].type.tensor_type,
        }[what]
        for name, value in values.items():
            setattr(of, name, value)

    return change


def _dims(*dims: int) -> Change:
    def change(proto: ModelProto) -> None:
        del _weight(proto).dims[:]
        _weight(proto).dims.extend(dims)

    return change


_ENDS: dict[str, tuple[Change, str]] = {
    "an input of no type": (_set("input", elem_type=0), "'images' has the element type undefined"),
    "an output of no type": (_set("output", elem_type=99), "element type 99"),
    "an output of texts": (_set("output", elem_type=TensorProto.STRING), "element type string"),
    "an output in bfloat16": (
        _set("output", elem_type=TensorProto.BFLOAT16),
        "'sums' has the element type bfloat16, which NumPy does not have.*Cast to float32",
    ),
    "an output in 4 bits": (_set("output", elem_type=TensorProto.INT4), "element type int4"),
    "a sequence": (
        lambda p: _output(p, helper.make_sequence_type_proto(_FLOAT)),
        "'sums' is of the kind sequence",
    ),
    "an optional": (
        lambda p: _output(p, helper.make_optional_type_proto(_FLOAT)),
        "'sums' is of the kind optional",
    ),
    "a map": (
        lambda p: _output(p, helper.make_map_type_proto(TensorProto.INT64, _FLOAT)),
        "'sums' is of the kind map",
    ),
    "two outputs of one name": (
        lambda p: p.graph.output.add().CopyFrom(p.graph.output[0]),
        "several outputs of the name 'sums'",
    ),
    "an output of many dimensions": (
        lambda p: [p.graph.output[0].type.tensor_type.shape.dim.add() for _ in range(40)],
        "output 'sums': 44 dimensions.*SIZEWISE_MAX_ONNX_DIMENSIONS",
    ),
}
_TENSORS: dict[str, tuple[Change, str]] = {
    "a weight of no type": (_set("weight", data_type=0), "element type 0, which ONNX does not"),
    "a weight of a new type": (_set("weight", data_type=99), "element type 99"),
    "a negative shape": (_dims(1, -4), r"has the shape \[1, -4\]"),
    "a shape that overflows 64 bits": (
        _dims(2**62, 2**62),
        r"the weight 'w': about 10\^37 elements are more.*SIZEWISE_MAX_ONNX_ELEMENTS",
    ),
    "more values than the shape has": (_dims(1, 3, 1, 1), "has 4 values, and needs 3"),
    "fewer bytes than the shape has": (
        _set("weight", raw_data=b"1234567"),
        "has 7 bytes, and needs 16",
    ),
    "a weight of many dimensions": (_dims(*[1] * 40), "'w': 40 dimensions"),
    "a sparse weight that is dense in memory": (_sparse, "the sparse weight 's': .* elements"),
}
_PLACES: dict[str, tuple[Change, str]] = {
    name: (lambda p, given=given: outside(p, **given), words)  # type: ignore[misc]
    for name, given, words in (
        ("no place", {"location": ""}, "stands in '', which is no file"),
        ("the folder itself", {"location": "."}, "stands in '.', which is no file"),
        ("a folder above", {"location": "../weights.bin"}, "no file in its folder"),
        ("a folder above, by a detour", {"location": "a/../../b"}, "no file in its folder"),
        ("a place of the machine", {"location": "/etc/hostname"}, "no file in its folder"),
        ("a drive", {"location": "C:weights.bin"}, "no file in its folder"),
        ("a name of a megabyte", {"location": "x" * 2**20}, "stands in 'x{199}…, which is no"),
        ("a path of many folders", {"location": "d/" * 3000 + "w"}, "no file in its folder"),
        ("a checksum of another kind", {"checksum": "0" * 64}, "the checksum of .*, no SHA-1"),
        ("a missing file", {"location": "absent"}, "there is no file absent"),
        ("a folder", {"location": "inner"}, "there is no file inner"),
        ("a negative offset", {"offset": "-4"}, "the offset of the weight 'w' is '-4', no whole"),
        ("an offset in words", {"offset": "4e0"}, "no whole number"),
        ("an offset of many digits", {"offset": "9" * 5000}, "no whole number"),
        ("an empty offset", {"offset": ""}, "no whole number"),
        ("an empty length", {"length": ""}, "no whole number"),
        (
            "an offset behind 64 bits",
            {"offset": str(2**63)},
            "ends at byte 9,223,372,036,854,775,8",
        ),
        ("a length behind the end", {"offset": "4"}, "ends at byte 20"),
        ("another length", {"length": "12"}, "has 12 bytes, and needs 16"),
    )
}
_GRAPHS: dict[str, tuple[Change, str]] = {
    "functions of a billion nodes": (
        lambda p: functions(p, 31),
        "its graph: .* nodes with all functions expanded are more.*SIZEWISE_MAX_ONNX_NODES",
    ),
    "a tower of functions": (
        lambda p: functions(p, 3000, calls=1),
        "levels of functions are more.*SIZEWISE_MAX_ONNX_CALLS",
    ),
    "a function that calls itself": (lambda p: functions(p, 3, last="f1"), "'f1' calls itself"),
    "branches within branches": (
        lambda p: _nested(p, 20),
        "17 levels of branches and loops.*SIZEWISE_MAX_ONNX_DEPTH",
    ),
}
HOSTILE: dict[str, tuple[Change, str]] = (
    _ENDS
    | _TENSORS
    | _PLACES
    | _GRAPHS
    | {
        "a place named twice": (_twice_outside, "its location twice"),
        "values in the file, too": (_inside_and_outside, "has values in the file, too"),
        "texts beside the file": (_texts_outside, "of the type string, which can't stand beside"),
    }
)
"""What is wrong → how a plain file becomes it, and what the error says (a pattern)."""

CARDS = {
    '{"network": "n", "stride": 0}': "its stride is 0",
    '{"network": "n", "stride": -8}': "its stride is -8",
    '{"network": "n", "smallest": 0}': "its smallest size is 0",
    '{"network": "n", "parameters": -1}': "counts -1 parameters",
    '{"network": "\\u001b[2J"}': "can't be printed",
    '{"network": "n", "tree": [7]}': "names a class that is not there",
    '{"network": "n", "drop": 1e999}': "out of range|not finite",
    '{"network": "n", "preprocessing": {"std": [0, 0, 0]}}': "every std is above 0",
    '{"network": "n", "suppression": {"iou_threshold": 7}}': "the IoU threshold is 7",
    '{"network": "n", "inputs": [{"name": "x", "file": "/etc/hostname"}]}': "of this machine",
    '{"network": 3}': "Expected `str`",
    "[" * 100_000: "can't be read",
}
"""Cards that no export writes, and what the error says (a pattern)."""
