"""A small convolutional network as an ONNX file, in the shapes in which such files come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from sizewise.core.further.reading import read_inputs
from sizewise.core.onnxfiles.model import read_model, with_inputs, write_card
from sizewise.core.specs import ExportedModel, ModelCard, TensorSpec

Array = NDArray[Any]
NAMES = ("batch", "height", "width")
CARD = ModelCard(network="small", stride=32)


def weights() -> dict[str, Array]:
    """Three convolutions: 3 → 8 → 16 → 4 channels."""
    random = np.random.default_rng(0)
    shapes = {"w0": (8, 3, 3, 3), "w1": (16, 8, 3, 3), "w2": (4, 16, 1, 1)}
    made: dict[str, Array] = {}
    for name, shape in shapes.items():
        scale = np.sqrt(np.prod(shape[1:]))
        made[name] = (random.standard_normal(shape) / scale).astype(np.float32)
        made[f"b{name[1]}"] = random.standard_normal(shape[0]).astype(np.float32)
    return made


def write_net(
    path: Path,
    *,
    sides: tuple[int | str | None, int | str | None, int | str | None] = NAMES,
    channels_last: bool = False,
    card: ModelCard | None = CARD,
) -> ExportedModel:
    """Images → ``boxes`` [B, H/4 * W/4, 4]. ``sides``: batch, height and width of the input, None
    for a dimension without a name; no ``card`` makes it somebody else's file."""
    batch, height, width = sides
    shape = [batch, height, width, 3] if channels_last else [batch, 3, height, width]
    proto = helper.make_model(
        helper.make_graph(
            _nodes(channels_last),
            "small",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [batch, None, 4])],
            [
                *(numpy_helper.from_array(array, name) for name, array in weights().items()),
                numpy_helper.from_array(np.array([0, 4, -1]), "rows"),
            ],
        ),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    if card is not None:
        write_card(proto, card)
    onnx.save(proto, path)
    return read_model(path)


def _nodes(channels_last: bool) -> list[onnx.NodeProto]:
    first = "turned" if channels_last else "images"
    half: dict[str, Any] = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
    turn = helper.make_node("Transpose", ["images"], ["turned"], perm=[0, 3, 1, 2])
    return [
        *([turn] if channels_last else []),
        helper.make_node("Conv", [first, "w0", "b0"], ["c0"], name="conv0", **half),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1", "b1"], ["c1"], name="conv1", **half),
        helper.make_node("Sigmoid", ["c1"], ["s1"]),
        helper.make_node("Mul", ["c1", "s1"], ["m1"]),
        helper.make_node("Conv", ["m1", "w2", "b2"], ["c2"], name="conv2"),
        helper.make_node("Reshape", ["c2", "rows"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["boxes"], perm=[0, 2, 1]),
    ]


def write_pyramid(path: Path) -> ExportedModel:
    """Somebody's network that halves its map twice and adds the doubled small one to the large:
    it takes multiples of 4, and its file does not say so."""
    half: dict[str, Any] = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
    arrays = {name: weights()[name] for name in ("w0", "b0")}
    arrays["w1"] = np.full((8, 8, 3, 3), 0.01, np.float32)
    nodes = [
        helper.make_node("Conv", ["images", "w0", "b0"], ["large"], **half),
        helper.make_node("Conv", ["large", "w1"], ["small"], **half),
        helper.make_node("Resize", ["small", "", "twice"], ["doubled"], mode="nearest"),
        helper.make_node("Add", ["large", "doubled"], ["masks"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pyramid",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("masks", TensorProto.FLOAT, ["b", 8, None, None])],
        [
            *(numpy_helper.from_array(array, name) for name, array in arrays.items()),
            numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"),
        ],
    )
    opsets = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return read_model(path)


def write_sized(path: Path) -> ExportedModel:
    """Somebody's file: images and their mask, a size that comes first, and a threshold."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["images", "mask"], ["seen"]),
            helper.make_node("ReduceMean", ["seen", "axes"], ["means"], keepdims=0),
            helper.make_node("Cast", ["im_size"], ["size"], to=TensorProto.FLOAT),
            helper.make_node("Gemm", ["means", "w"], ["two"]),
            helper.make_node("Mul", ["two", "size"], ["scaled"]),
            helper.make_node("Add", ["scaled", "threshold"], ["points"]),
        ],
        "sized",
        [
            info("im_size", TensorProto.INT64, ["n", 2]),
            info("images", TensorProto.FLOAT, ["n", 3, "h", "w"]),
            info("mask", TensorProto.FLOAT, ["n", 1, "h", "w"]),
            info("threshold", TensorProto.FLOAT, []),
        ],
        [info("points", TensorProto.FLOAT, ["n", 2])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
            helper.make_tensor("w", TensorProto.FLOAT, [3, 2], [1, 2, 3, 4, 5, 6]),
        ],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(proto, path)
    said = read_inputs(["mask=0.5", "threshold=-3"])
    return with_inputs(read_model(path), said)


def write_stored_integers(path: Path) -> ExportedModel:
    """Somebody's two products of matrices, whose weights are stored as int8 and decoded by a scale:
    all is computed in float32."""
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["v0"]),
    ]
    held = []
    for number, shape in enumerate([(3, 512), (512, 256)]):
        stored, scale, weights = (f"{name}{number}" for name in ("stored", "scale", "w"))
        held += [
            numpy_helper.from_array(random.integers(-127, 128, shape).astype(np.int8), stored),
            numpy_helper.from_array(random.random((1, shape[1]), np.float32) / 1000, scale),
        ]
        nodes += [
            helper.make_node("Cast", [stored], [f"real{number}"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"real{number}", scale], [weights]),
            helper.make_node(
                "MatMul", [f"v{number}", weights], ["y" if number else "v1"], f"product{number}"
            ),
        ]
    graph = helper.make_graph(
        nodes,
        "stored",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", 256])],
        held,
    )
    opsets = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return read_model(path)


def unwritten_net(stride: int = 32, precision: str = "fp32") -> ExportedModel:
    """What is read of such a file, for tests that never build it."""
    image = TensorSpec(name="images", dtype="float32", shape=("batch", 3, "height", "width"))
    return ExportedModel(
        path=Path("net.onnx"),
        sha256="ab" * 32,
        card=ModelCard(network="net", stride=stride, precision=precision),
        opset_version=20,
        inputs=(image,),
        outputs=(TensorSpec(name="boxes", dtype="float32", shape=("batch", "n", 4)),),
    )


def write_program(path: Path) -> None:
    """The same network as an ExportedProgram: a ``.pt2`` file."""
    import torch
    from torch import nn
    from torch.export import Dim

    layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1), nn.Conv2d(16, 4, 1)]
    for number, layer in enumerate(layers):
        state = {"weight": f"w{number}", "bias": f"b{number}"}
        layer.load_state_dict({k: torch.from_numpy(weights()[v]) for k, v in state.items()})

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            first, second, third = layers
            self.body = nn.Sequential(first, nn.ReLU(), second, nn.SiLU(), third)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            flat: torch.Tensor = self.body(images).flatten(2)
            return flat.transpose(1, 2)

    axes = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    example = (torch.zeros(2, 3, 64, 96),)
    torch.export.save(torch.export.export(Net().eval(), example, dynamic_shapes=(axes,)), path)


def reference(model: ExportedModel, images: Array) -> dict[str, Array]:
    """What the ONNX project's own evaluator makes of the file."""
    outputs = ReferenceEvaluator(str(model.path)).run(None, {"images": images})
    return {tensor.name: np.asarray(o) for tensor, o in zip(model.outputs, outputs, strict=True)}
