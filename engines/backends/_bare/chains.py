"""The ExportedProgram of a small ONNX file, so that PyTorch runs what other libraries run."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from sizewise.core.errors import InputError

_EXAMPLE = (2, 3, 64, 96)


def write_program(model: str, program: str) -> None:
    """Write the ``.pt2`` of an ONNX file whose graph is a chain of Conv and Relu. Raises
    InputError for other graphs."""
    import torch
    from torch.export import Dim

    graph = onnx.load(model).graph
    weights = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    net = torch.nn.Sequential(*_layers(model, graph, weights)).eval()
    axes = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    exported = torch.export.export(net, (torch.zeros(_EXAMPLE),), dynamic_shapes=(axes,))
    buffer = io.BytesIO()  # on a full disk torch.export.save ends the interpreter
    torch.export.save(exported, buffer)
    Path(program).write_bytes(buffer.getbuffer())


def _layers(model: str, graph: Any, weights: dict[str, np.ndarray[Any, Any]]) -> Iterator[Any]:
    import torch

    for node in graph.node:
        if node.op_type == "Relu":
            yield torch.nn.ReLU()
        elif node.op_type == "Conv":
            yield _convolution(node, *(weights[name] for name in node.input[1:]))
        else:
            raise InputError(
                f"{model} has no PyTorch program",
                f"only chains of Conv and Relu are translated, and it has {node.op_type}",
                "Export the network with sizewise export, which writes its program.",
            )


def _convolution(node: Any, weight: Any, bias: Any) -> Any:
    import torch

    given = {one.name: list(one.ints) for one in node.attribute}
    made, taken, *kernel = weight.shape
    layer = torch.nn.Conv2d(
        taken, made, tuple(kernel), tuple(given["strides"]), tuple(given["pads"][:2])
    )
    numbers = {"weight": torch.from_numpy(weight.copy()), "bias": torch.from_numpy(bias.copy())}
    layer.load_state_dict(numbers)
    return layer
