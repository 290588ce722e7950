"""Remainders of tensors and sizes, against torch: CenterNet finds the column of a peak so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from exporter.export import export
from sizewise.core.specs import ModelCard, Size


class Peaks(nn.Module):
    """The best places of a map as columns and rows, and further remainders of both signs."""

    names = ("columns", "rows", "halves", "turned", "below", "plain")

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        height, width = images.shape[2:]
        places = images.mean(1).flatten(1).topk(5).indices
        found = (
            places % width,
            places // width,
            (places.float() / 2 - 100) % height,
            width % (places + 1),
            -places % (width // 2),
            places % 7,
        )
        return tuple(one.float() for one in found)


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("remainders") / "peaks.onnx"
    card = ModelCard(network="peaks", stride=4)
    export(Peaks(), card, path, output_names=Peaks.names, example=Size(32, 48))
    return path


@pytest.mark.parametrize("size", [(32, 48), (44, 32), (60, 100), (100, 36)])
def test_remainders_by_a_size_are_those_of_torch(peaks: Path, size: tuple[int, int]) -> None:
    session = onnxruntime.InferenceSession(peaks, providers=["CPUExecutionProvider"])
    images = torch.rand(2, 3, *size)
    for given, expected in zip(
        session.run(None, {"images": images.numpy()}), Peaks()(images), strict=True
    ):
        np.testing.assert_array_equal(given, expected.numpy())
