from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from exporter.conversion.settings import ConversionSettings
from exporter.export import export
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.progress import Stage
from sizewise.core.specs import ExportedModel, ModelCard, Size
from tests.exporter.chains import CARD, NET, NOISE, saved
from tests.exporter.sample_modules import (
    DETECTOR,
    SEGMENTER,
    MiniDetector,
    PyramidSegmenter,
    stirred,
)
from tests.exporter.small_nets import copied, picture_set
from tests.shared import made_once


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

    def limit(self, seconds: float) -> None:
        del seconds

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


@pytest.fixture
def chain(folder: Path) -> ExportedModel:
    """The network of ``tests.exporter.chains``."""
    proto = copied(NET.proto)
    write_card(proto, CARD)
    return saved(proto, folder)


@pytest.fixture
def seen(tmp_path: Path) -> ConversionSettings:
    """Settings with pictures."""
    return replace(NOISE, images=picture_set(tmp_path / "pictures"))


@pytest.fixture(scope="session")
def detector(shared: Path) -> Exported:
    return _exported(shared, MiniDetector, DETECTOR, ("boxes", "scores"), Size(64, 96))


@pytest.fixture(scope="session")
def segmenter(shared: Path) -> Exported:
    return _exported(shared, PyramidSegmenter, SEGMENTER, ("mask_logits",), Size(96, 64))


def _exported(
    shared: Path, kind: type[nn.Module], card: ModelCard, outputs: tuple[str, ...], example: Size
) -> Exported:
    """Each process makes the module, from one seed; one of them exports it."""
    torch.manual_seed(0)
    module = stirred(kind()).eval()  # as export leaves it in the process that does it

    def make(folder: Path) -> None:
        progress = Counted()
        path = folder / "exported" / "model.onnx"
        path.parent.mkdir()
        export(module, card, path, output_names=outputs, example=example, progress=progress)
        (folder / "progress.json").write_text(json.dumps(asdict(progress)))

    folder = made_once(shared, f"exporter-{kind.__name__}", make)
    progress = Counted(**json.loads((folder / "progress.json").read_text()))
    return Exported(module, read_model(folder / "exported" / "model.onnx"), progress)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to export into."""
    made = tmp_path / "out"
    made.mkdir()
    return made
