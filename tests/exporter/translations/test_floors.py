"""Floor division below zero, against Python's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from exporter.export import export
from sizewise.core.specs import ModelCard, Size

CARD = ModelCard(network="floors", stride=1)


class Filled(nn.Module):
    """Fills maps up to whole windows of seven cells, as windowed attention does."""

    def forward(self, images: Tensor) -> Tensor:
        rows, columns = images.shape[2:]
        whole = [-(-side // 7) * 7 for side in (rows, columns)]
        return functional.pad(images, (0, whole[1] - columns, 0, whole[0] - rows))


class Half(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        rows, columns = images.shape[2:]
        return functional.interpolate(images, size=(rows // 2, columns // 2))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("floors") / "filled.onnx"
    export(Filled(), CARD, path, output_names=("filled",), example=Size(40, 64))
    return path


@pytest.mark.parametrize("height", range(36, 52))
def test_a_side_is_rounded_up_to_whole_windows(filled: Path, height: int) -> None:
    session = onnxruntime.InferenceSession(filled, providers=["CPUExecutionProvider"])
    images = torch.rand(2, 3, height, height + 1)
    (given,) = session.run(None, {"images": images.numpy()})
    np.testing.assert_array_equal(given, Filled()(images).numpy())


def test_division_of_sizes_stays_a_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "half.onnx"
    export(Half(), CARD, path, output_names=("half",), example=Size(40, 64))
    types = [node.op_type for node in onnx.load(path).graph.node]
    assert "Div" in types
    assert "Mod" not in types
