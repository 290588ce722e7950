from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import nn

from exporter.export import export
from sizewise.core.progress import Stage
from sizewise.core.specs import ExportedModel, Size
from tests.exporter.modules import DETECTOR, SEGMENTER, MiniDetector, PyramidSegmenter, stirred


@dataclass
class Counted:
    """Counts the steps of the stages it is told of."""

    totals: list[int] = field(default_factory=list)
    steps: int = 0

    @contextmanager
    def stage(self, label: str, total: int) -> Iterator[Stage]:
        self.totals.append(total)
        yield self

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.steps += steps

    def extend(self, steps: int) -> None:
        del steps

    def remark(self, text: str) -> None:
        del text


@dataclass(frozen=True)
class Exported:
    """A module and what its export gave."""

    module: nn.Module
    model: ExportedModel
    progress: Counted


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    torch.manual_seed(0)
    module, progress = stirred(MiniDetector()), Counted()
    model = export(
        module,
        DETECTOR,
        tmp_path_factory.mktemp("detector") / "mini.onnx",
        output_names=("boxes", "scores"),
        example=Size(64, 96),
        progress=progress,
    )
    return Exported(module, model, progress)


@pytest.fixture(scope="session")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    torch.manual_seed(0)
    module, progress = stirred(PyramidSegmenter()), Counted()
    model = export(
        module,
        SEGMENTER,
        tmp_path_factory.mktemp("segmenter") / "pyramid.onnx",
        output_names=("mask_logits",),
        example=Size(96, 64),
        progress=progress,
    )
    return Exported(module, model, progress)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to export into."""
    made = tmp_path / "out"
    made.mkdir()
    return made
