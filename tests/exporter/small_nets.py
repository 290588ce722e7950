"""Small networks as ONNX graphs, drawn at random, of which it is known what each part is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from exporter.calibration.images import CalibrationSet, read_calibration
from exporter.graph.passes import run_pass
from exporter.precisions._prepare import Prepare

Array = NDArray[Any]
CHANNELS = 8
PARTS = (
    *("conv", "bare", "shared", "pointwise", "depthwise", "norm", "leaky", "sigmoid"),
    *("add", "concat", "resize", "pool", "pad", "shape", "softmax"),
)
_SAME: dict[str, Any] = {"pads": [1] * 4}


class Net:
    """Written one operator after the other; ``layers``, ``heads`` and ``wide`` (what no precision
    may narrow) hold the names of what they give."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.layers: list[str] = []
        self.heads: list[str] = []
        self.wide: list[str] = []

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        made = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [made], f"n_{made}", **attributes))
        return made

    def hold(self, array: Array | Sequence[float]) -> str:
        name = f"c{len(self.constants)}"
        values = np.asarray(array)
        values = values.astype(np.float32) if values.dtype.kind == "f" else values
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def conv(
        self, value: str, shape: Sequence[int] = (CHANNELS, CHANNELS, 3, 3), **more: Any
    ) -> str:
        """A layer whose weights keep the size of values about as it is."""
        weights = self.random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        bias = self.hold(self.random.standard_normal(shape[0]) / 4)
        attributes = (_SAME if shape[-1] == 3 else {}) | more
        made = self.add("Conv", value, self.hold(weights), bias, **attributes)
        self.layers.append(made)
        return made

    def bare(self, value: str) -> str:
        """A layer without a bias."""
        weights = self.random.standard_normal((CHANNELS, CHANNELS, 3, 3)) / np.sqrt(9 * CHANNELS)
        self.layers.append(self.add("Conv", value, self.hold(weights), **_SAME))
        return self.layers[-1]

    def shared(self, value: str) -> str:
        """Two layers with the same weights."""
        first = self.conv(value)
        second = self.add("Conv", first, *self.nodes[-1].input[1:], **_SAME)
        self.layers.append(second)
        return second

    def pad(self, value: str) -> str:
        """A border of zeros that is a node of its own. (ONNX Runtime 1.31 fuses one with a MaxPool
        and then takes no zeros.)"""
        borders = self.hold(np.array([0, 0, 1, 1, 0, 0, 1, 1])), self.hold(np.array(0.0))
        return self.conv(self.add("Pad", value, *borders), pads=[0] * 4)

    def shape(self, value: str) -> str:
        """A reader of nothing but the shape."""
        return self.add("Reshape", value, self.add("Shape", value))

    def norm(self, value: str) -> str:
        made = self.conv(value)
        self.layers.remove(made)
        parameters = [self.hold(self.random.uniform(0.5, 1.5, CHANNELS)) for _ in range(4)]
        self.layers.append(self.add("BatchNormalization", made, *parameters))
        return self.layers[-1]

    def concat(self, value: str, earlier: str) -> str:
        both = self.add("Concat", value, earlier, axis=1)
        return self.conv(both, (CHANNELS, 2 * CHANNELS, 1, 1))

    def resize(self, value: str) -> str:
        region, scales = self.hold(np.zeros(0)), self.hold([1.0, 1, 2, 2])
        larger = self.add("Resize", value, region, scales, mode="nearest")
        return self.add("MaxPool", larger, kernel_shape=[2, 2], strides=[2, 2])

    def softmax(self, value: str) -> str:
        self.wide.append(self.add("Softmax", value, axis=1))
        return self.wide[-1]

    def part(self, kind: str, value: str, earlier: str) -> str:
        made: dict[str, Callable[[str], str]] = {
            "conv": self.conv,
            "bare": self.bare,
            "shared": self.shared,
            "pad": self.pad,
            "shape": self.shape,
            "pointwise": partial(self.conv, shape=(CHANNELS, CHANNELS, 1, 1)),
            "depthwise": partial(self.conv, shape=(CHANNELS, 1, 3, 3), group=CHANNELS),
            "norm": self.norm,
            "leaky": partial(self.add, "LeakyRelu", alpha=0.1),
            "sigmoid": partial(self.add, "Sigmoid"),
            "add": lambda value: self.add("Add", value, earlier),
            "concat": lambda value: self.concat(value, earlier),
            "resize": self.resize,
            "pool": partial(self.add, "MaxPool", kernel_shape=[3, 3], **_SAME),
            "softmax": self.softmax,
        }
        return made[kind](value)

    def head(self, value: str) -> str:
        """A head and its decode: [B, 6, cells]."""
        made = self.conv(value, (6, CHANNELS, 1, 1))
        self.heads.append(made)
        flat = self.add("Reshape", made, self.hold(np.array([0, 6, -1])))
        turned = self.add("Transpose", flat, perm=[0, 2, 1])
        scaled = self.add("Mul", self.add("Sigmoid", turned), self.hold([640.0]))
        self.wide += [node.output[0] for node in self.nodes[-4:]]
        return scaled

    def model(
        self, outputs: Mapping[str, int], *, opset: int = 17, inputs: int = 3, ir: int = 8
    ) -> onnx.ModelProto:
        """``outputs`` tells how many axes each has."""
        shape: list[str | int | None] = ["batch", inputs, "height", "width"]
        given = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * axes)
            for name, axes in outputs.items()
        ]
        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "net", [images], given, self.constants)
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=ir)


class Chain(Net):
    """``parts`` between a stem at stride 2 and two heads with a decode; what comes before the stem
    centres the colours."""

    def __init__(self, parts: Sequence[str], seed: int = 0, opset: int = 17) -> None:
        super().__init__(seed)
        self.wide.append(self.add("Sub", "images", self.hold([0.5])))
        value = earlier = self.conv(self.wide[0], (CHANNELS, 3, 3, 3), strides=[2, 2])
        for kind in parts:
            value, earlier = self.part(kind, value, earlier), value
        first = self.head(value)
        second = self.head(self.add("LeakyRelu", self.conv(value), alpha=0.1))
        self.wide.append(self.add("Concat", first, second, axis=1))
        self.wide.append(self.add("Identity", self.wide[-1]))
        self.proto = self.model({self.wide[-1]: 3}, opset=opset)

    def prepared(self, precision: str, opset: int) -> onnx.ModelProto:
        return run_pass(Prepare(precision, opset), copied(self.proto))


def chains() -> st.SearchStrategy[Chain]:
    parts = st.lists(st.sampled_from(PARTS), max_size=6)
    return st.builds(Chain, parts, st.integers(0, 99))


def copied(model: onnx.ModelProto) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(model)
    return made


def pictures(height: int = 32, width: int = 48, *, batch: int = 1, channels: int = 3) -> Array:
    random = np.random.default_rng(height + width)
    return random.random((batch, channels, height, width), dtype=np.float32)


def run(model: onnx.ModelProto, images: Array, *, optimised: bool = False) -> list[Array]:
    """In ONNX Runtime, as written or with all its optimisations."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: list[Array] = session.run(None, {session.get_inputs()[0].name: images})
    return found


def types(model: onnx.ModelProto) -> dict[str, int]:
    """By onnx's own inference, which is strict here."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    values = (*graph.input, *graph.value_info, *graph.output)
    held = {tensor.name: tensor.data_type for tensor in graph.initializer}
    return held | {value.name: value.type.tensor_type.elem_type for value in values}


def producers(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    return {name: node for node in model.graph.node for name in node.output}


def array(model: onnx.ModelProto, name: str) -> Array:
    (found,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
    return numpy_helper.to_array(found)


def parsed(text: str, *, opset: int = 22, ir: int = 10) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: {ir}, opset_import: ["" : {opset}]> net {text}')


def unread(model: onnx.ModelProto) -> set[str]:
    """What is computed or held and never read."""
    from exporter.graph.passes import all_nodes

    made = {name for node in model.graph.node for name in node.output}
    held = {tensor.name for tensor in model.graph.initializer}
    read = {name for node in all_nodes(model.graph) for name in node.input}
    return (made | held) - read - {output.name for output in model.graph.output}


def picture_set(folder: Path, count: int = 3) -> CalibrationSet:
    """Patches of colour, as PNG files in ``folder``."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        patches = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(patches).resize((56, 40)).save(folder / f"{number}.png")
    return read_calibration(str(folder))
