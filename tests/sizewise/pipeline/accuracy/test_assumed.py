"""Where a file says nothing of an input's channels, every command says what it assumes."""

from __future__ import annotations

from pathlib import Path

import pytest

import sizewise as sw
from sizewise.pipeline.export import ExportOptions, export_source
from tests.sizewise.cli.finders import write_finder
from tests.sizewise.pipeline.accuracy.test_other_fit import BOX, Remarks, write_data

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.mark.parametrize("command", ["evaluate", "predict", "export"])
def test_what_is_assumed_of_channels_is_said_once(command: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = write_finder(tmp_path / "open.onnx", shape=("b", "c", "h", "w"))
    data = write_data(tmp_path, 2 * BOX[2], 2 * BOX[3])
    heard = Remarks()
    if command == "evaluate":
        sw.evaluate(model, data=str(data), sizes="96", reporter=heard)
    elif command == "predict":
        sw.predict(model, tmp_path / "1.png", size="96", out=tmp_path / "out", reporter=heard)
    else:
        export_source(str(model), ExportOptions(), tmp_path / "out", heard)
    assert sum("channels are assumed" in text for text in heard.texts) == 1
