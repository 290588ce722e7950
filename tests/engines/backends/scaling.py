"""A network of one product, which makes subnormal numbers of the right images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import ExportedModel, ModelCard

FACTOR, SMALL = np.float32(1e-10), np.float32(1e-30)
"""Their product, 1e-40, is subnormal."""


def write_scaling(path: Path) -> ExportedModel:
    """``boxes`` are ``images`` times 1e-10, of any size."""
    shape: list[int | str | None] = ["batch", 3, "height", "width"]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["images", "factor"], ["boxes"], name="scale")],
        "scaling",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(FACTOR), "factor")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    write_card(proto, ModelCard(network="scaling", stride=32))
    onnx.save(proto, path)
    return read_model(path)


def write_scaling_program(path: Path) -> None:
    """The same for PyTorch."""
    import torch

    class Scaling(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images * float(FACTOR)

    free = dict.fromkeys((0, 2, 3), torch.export.Dim.AUTO)
    example = (torch.zeros(2, 3, 64, 96),)
    program = torch.export.export(Scaling(), example, dynamic_shapes=(free,))
    torch.export.save(program, path)


def images(height: int = 320, width: int = 320) -> NDArray[np.float32]:
    return np.full((1, 3, height, width), SMALL, np.float32)


def share_of_zeros(found: NDArray[Any]) -> float:
    """By their bits: a thread that takes subnormal numbers as zero compares them so, too."""
    return float(np.mean(found.view(np.uint32) == 0))
