"""An export that replaces the file of another network says so."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from exporter.request import PrecisionOptions
from sizewise.core.progress import SILENT, Stage
from sizewise.core.specs import ExportedModel, ModelCard, Size
from sizewise.pipeline.export import ExportOptions, export, export_source
from tests.engines.nets import write_net


class Heard:
    """Keeps the remarks that it is told."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def stage(self, label: str, total: int) -> AbstractContextManager[Stage]:
        return SILENT.stage(label, total)

    def remark(self, text: str) -> None:
        self.remarks.append(text)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes a small file in place of what torch would capture; its card is the module's."""

    def written(module: nn.Module, card: ModelCard, path: Path, **_: Any) -> ExportedModel:
        return write_net(path, card=replace(card, stride=32))

    monkeypatch.setattr("exporter.export.export", written)


def exported(folder: Path, **said: Any) -> list[str]:
    heard = Heard()
    options = ExportOptions(size=Size(64, 64), **said)
    export_source(nn.Conv2d(3, 2, 1), options, folder, heard)
    return heard.remarks


def test_a_file_of_another_network_is_not_replaced_without_a_word(tmp_path: Path) -> None:
    assert exported(tmp_path) == []
    assert exported(tmp_path) == []
    (said,) = exported(tmp_path, names=("cat", "dog"))
    assert f"{tmp_path / 'Conv2d.onnx'} was replaced" in said
    assert "Another out keeps both, and so does a name" in said
    assert exported(tmp_path, name="mine") == []


def test_what_is_doubtful_of_outputs_is_said(tmp_path: Path) -> None:
    heard = Heard()
    mask = nn.Sequential(nn.Conv2d(3, 1, 1), nn.Sigmoid())
    export_source(mask, ExportOptions(size=Size(64, 64)), tmp_path, heard)
    (said,) = heard.remarks
    assert "if they are probabilities" in said


@pytest.mark.skipif(sys.platform == "win32", reason="no locks between processes here")
def test_what_killed_exports_left_is_removed_whatever_it_is_called(tmp_path: Path) -> None:
    for ending in ("lock", "part"):
        (tmp_path / f".gone.onnx.0123456789ab.{ending}").touch()
    options = ExportOptions(size=Size(64, 64))
    export(nn.Conv2d(3, 2, 1), options, PrecisionOptions(), out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["Conv2d.onnx"]
