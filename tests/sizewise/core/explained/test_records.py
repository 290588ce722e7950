"""Explanations beside results: read as they were written, and those of other files left alone."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sizewise.core.errors import RecordError
from sizewise.core.machine.environment import read_environment
from sizewise.core.specs import Size
from sizewise.core.specs.explained.layers import EngineTime, ExplainedLayer, LayerRun
from sizewise.core.specs.explained.records import LayerRecord, read_layers, write_layers

SIZE = Size(32, 64)


def record(sha256: str = "a" * 64, *, error: float = 0.1) -> LayerRecord:
    run = LayerRun(backend="b", size=SIZE, precision="int8", ms=0.5, share=0.25, gained_ms=-0.1)
    layer = ExplainedLayer(
        name="conv", requested="int8", converted=True, error=error, accuracy_loss=1.5, runs=(run,)
    )
    return LayerRecord(
        model="net.int8.onnx",
        model_sha256=sha256,
        parent_sha256="p" * 64,
        precision="int8",
        environment=read_environment(),
        layers=(layer,),
        engines=(EngineTime(backend="b", size=SIZE, total_ms=2.0, layers_ms=0.5),),
        measured_on="these",
    )


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = write_layers(record(), tmp_path / "new")
    assert path.name == "net.int8-aaaaaaaa.layers.json"
    assert read_layers(tmp_path / "new", {"a" * 64}) == (record(),)
    write_layers(record(error=0.2), tmp_path / "new")
    assert read_layers(tmp_path / "new", {"a" * 64}) == (record(error=0.2),)


def test_files_of_one_name_stand_beside_one_another(tmp_path: Path) -> None:
    for sha256 in ("a" * 64, "b" * 64):
        write_layers(record(sha256), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert [one.model_sha256 for one in read_layers(tmp_path, {"b" * 64})] == ["b" * 64]
    assert read_layers(tmp_path, ()) == ()
    assert read_layers(tmp_path / "absent", {"a" * 64}) == ()


def test_an_error_without_end_is_read_as_not_known(tmp_path: Path) -> None:
    write_layers(record(error=math.inf), tmp_path)
    (found,) = read_layers(tmp_path, {"a" * 64})
    assert found.layers[0].error is None


@pytest.mark.parametrize("text", ["", "{}", "[1", '{"layers": 3}', "\x00"])
def test_a_damaged_one_is_told_by_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "net.layers.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=r"net\.layers\.json can't be read: .* explain again"):
        read_layers(tmp_path, {"a" * 64})


def test_a_folder_in_its_place_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "net.layers.json").mkdir()
    with pytest.raises(RecordError, match="can't be read"):
        read_layers(tmp_path, ())
