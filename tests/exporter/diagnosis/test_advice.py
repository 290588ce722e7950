from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from exporter.diagnosis.advice import advice_for
from exporter.diagnosis.places import Place
from exporter.export import export
from sizewise.core.specs import ModelCard, Size


@pytest.mark.parametrize(
    ("operation", "code", "what"),
    [
        ("__bool__", "if height % 32:", "a branch on a size"),
        ("__int__", "half = int(height * 0.5)", "a size taken as a plain number"),
        ("__int__", "interpolate(maps, size=(int(rows / 2), 4))", "a size taken as a plain number"),
        ("__float__", "side = math.sqrt(count)", "the root of a size"),
        ("__int__", "side = int(count ** 0.5)", "the root of a size"),
        ("interpolate", "interpolate(maps, scale_factor=rows / 7)", "the scale_factor"),
        ("AdaptiveMaxPool2d", "return self.pool(maps)", "the adaptive pooling"),
        ("avg_pool2d", "avg_pool2d(maps, rows)", "a pooling kernel computed from a size"),
        ("__len__", "batch = len(images)", "the len() of a tensor"),
        ("__hash__", "step = STEPS[width]", "a size looked up in a dict or a set"),
        ("linspace", "torch.linspace(-1, 1, rows)", "the linspace over a size"),
        ("__index__", "for row in range(rows):", "a loop over a size"),
        ("view", "maps.view(2, 4, -1)", "a reshape to fixed numbers"),
        ("Linear", "return self.head(maps)", "a fully connected layer over all cells"),
        ("roll", "torch.roll(maps, rows, 2)", "a size"),
    ],
)
def test_what_a_line_does_is_named(operation: str, code: str, what: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(code)
    place = Place(file=str(file), line=1, function="forward", operation=operation)
    assert advice_for(place).what == what


@pytest.mark.parametrize(
    ("operation", "code", "whole"),
    [
        ("__int__", "columns = torch.arange(int(width))", True),
        ("__int__", "columns = torch.arange(int(images.shape[-1]))", True),
        ("__int__", "columns = torch.arange(int(images.size(3)))", True),
        ("__index__", "return maps * float(width)", True),
        ("__int__", "columns = torch.arange(int(width / 4))", False),
        ("__int__", "columns = torch.arange(round(width))", False),
    ],
)
def test_a_size_is_a_whole_number_already(
    operation: str, code: str, tmp_path: Path, *, whole: bool
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(code)
    advice = advice_for(Place(file=str(file), line=1, function="forward", operation=operation))
    assert advice.what == "a size taken as a plain number"
    assert ("Leave int() and float() out" in advice.todo) == whole


def test_a_quotient_that_fixes_the_batch_is_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("batch = int(windows.shape[0] / (rows * columns / 16))")
    place = Place(file=str(file), line=1, function="forward", operation="__int__")
    assert advice_for(place, of_batch=True).what == "a batch computed by division"
    assert advice_for(place).what == "a size taken as a plain number"


class Advised(nn.Module):
    """All that is advised, over images whose sides are even."""

    names = ("padded", "whole", "places", "halves", "largest", "chosen", "resized", "wider")

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        rows, columns = images.shape[2:]
        below, right = -(-rows // 7) * 7 - rows, -(-columns // 7) * 7 - columns
        return (
            functional.pad(images, (0, -columns % 32, 0, -rows % 32)),
            functional.pad(images, (0, right, 0, below)),
            images * (torch.arange(rows) / (rows - 1) * 2 - 1)[:, None],
            images[:, :, : rows // 2] + images[:, :, rows - rows // 2 :],
            images.amax(dim=3, keepdim=True),
            torch.where(images > 0.5, images, 0),
            functional.interpolate(images, size=(rows // 2, columns // 2)),
            images * columns + torch.arange(columns),
        )


def test_what_is_advised_is_exported(tmp_path: Path) -> None:
    path, card = tmp_path / "advised.onnx", ModelCard(network="advised", stride=2)
    export(Advised(), card, path, output_names=Advised.names, example=Size(64, 96))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for height, width in ((38, 64), (64, 98), (70, 42), (130, 96)):
        images = torch.rand(2, 3, height, width)
        given = session.run(None, {"images": images.numpy()})
        for ours, theirs in zip(given, Advised()(images), strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-6)
