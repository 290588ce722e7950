from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from exporter.capture import with_lines, without_lines
from exporter.diagnosis.lines import lines_of
from exporter.export import export
from sizewise.core.errors import ExportError
from sizewise.core.specs import ModelCard, Size

EXAMPLE = Size(64, 96)
CARD = ModelCard(network="lines", stride=8)


class Helped(nn.Module):
    """Computes in a method of its own, and by a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        return self.helped(self.layer(images))

    def helped(self, maps: Tensor) -> Tensor:
        return torch.tanh(maps)


def test_each_node_has_the_innermost_line_of_the_user_s() -> None:
    program = with_lines(Helped(), example=EXAMPLE, stride=8, dynamic=True)
    codes = {place.code for place in lines_of(program).values()}
    assert codes == {"return self.helped(self.layer(images))", "return torch.tanh(maps)"}
    assert lines_of(without_lines(program)) == {}


def test_a_module_of_layers_alone_has_no_lines() -> None:
    """This test's own line, which called sizewise, is none of the module's."""
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    assert lines_of(with_lines(module, example=EXAMPLE, stride=8, dynamic=True)) == {}


class Ceiled(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        rows = self.whole(images.shape[2])
        return functional.pad(images, (0, 0, 0, rows - images.shape[2]))

    def whole(self, rows: int) -> int:
        return math.ceil(rows / 7) * 7


class Halves(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        above, below = images.chunk(2, 2)
        return above + below


class Singular(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        values: Tensor = torch.linalg.svdvals(images[..., :8])
        return values


class Raised(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        raised: Tensor = images ** (images.shape[3] // 32)
        return raised


class LookedUp(nn.Module):
    steps: ClassVar = {96: 2}

    def forward(self, images: Tensor) -> Tensor:
        return images * self.steps.get(images.shape[3], 1)


class Slanted(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        turn = torch.tensor([[1.0, 0.1, 0], [0, 1, 0]]).expand(images.shape[0], -1, -1)
        size: Any = images.shape
        grid = functional.affine_grid(turn, size, align_corners=False)
        return functional.grid_sample(images, grid, align_corners=False)


@pytest.mark.parametrize(
    ("module", "why", "code", "todo"),
    [
        (Ceiled(), "torch can't save ceil", "", "integer arithmetic"),
        (Halves(), "along a side of free size", "images.chunk(2, 2)", "Write slices"),
        (Singular(), "no equivalent of the operator", "torch.linalg.svdvals", "Replace"),
        (Slanted(), "linspace over a size", "functional.affine_grid(", "torch.arange(rows)"),
        (Raised(), "translate pow with a size for a number", "images ** (", "torch.full_like"),
        (LookedUp(), "a size looked up in a dict", "self.steps.get(", "torch.where"),
    ],
)
def test_errors_after_the_trace_name_the_line(
    module: nn.Module, why: str, code: str, todo: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError) as caught:
        export(module, CARD, tmp_path / "a.onnx", output_names=("a",), example=EXAMPLE)
    assert why in caught.value.why
    assert "test_lines.py:" in caught.value.why
    assert code in caught.value.why
    assert todo in caught.value.todo
