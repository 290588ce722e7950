"""ONNX file → ONNX file with suppression: ours and foreign ones, without torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.testing import assert_allclose
from onnx import numpy_helper

from exporter.convert import convert
from exporter.suppression.convert import with_suppression
from netzoo.tasks.layouts import read_detections
from sizewise.core.errors import (
    ExportError,
    InputError,
    OutputError,
    ParityError,
    UsageError,
)
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel, Suppression
from tests.exporter.detectors import CELLS, Floats, run, suppressed, write_cells

THIS = Suppression(max_detections=30)


def pictures(images: int, height: int, width: int, seed: int = 0) -> Floats:
    random = np.random.default_rng(seed)
    return random.random((images, 3, height, width), dtype=np.float32) ** 0.2


def expected(model: ExportedModel, layout: str, images: Floats) -> Floats:
    session = onnxruntime.InferenceSession(model.path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {"pictures": images}), strict=True))
    return suppressed(*read_detections(layout, outputs), THIS)


@pytest.mark.parametrize("layout", ["sizewise", "b_4c_n", "b_n_5c"])
@pytest.mark.parametrize("opset", [11, 17])
def test_each_layout_finds_what_numpy_finds(folder: Path, layout: str, opset: int) -> None:
    card = replace(CELLS, layout=layout)
    model = write_cells(folder / "cells.onnx", layout, card=card, opset=opset)
    made = with_suppression(model, THIS, folder / "made.onnx")
    for shape in ((1, 8, 8), (3, 64, 136), (2, 200, 96)):
        images = pictures(*shape)
        found = run(onnx.load(made.path), pictures=images)
        assert_allclose(found, expected(model, layout, images), atol=1e-4)
        assert (found[..., 5] >= 0).any()


def test_the_card_names_the_file_it_was_made_from(folder: Path) -> None:
    model = write_cells(folder / "cells.onnx", card=replace(CELLS, program_sha256="ab"))
    card = with_suppression(model, THIS, folder / "made.onnx").card
    assert (card.layout, card.suppression) == ("sizewise_nms", THIS)
    assert (card.parent_sha256, card.program_sha256) == (model.sha256, "")
    assert (card.network, card.classes, card.stride) == ("cells", ("a", "b"), 8)
    assert len({check.size for check in card.parity}) >= 6
    assert all(check.passed and check.output == "detections" for check in card.parity)


def test_a_precision_can_follow(folder: Path) -> None:
    model = write_cells(folder / "cells.onnx")
    made = with_suppression(model, THIS, folder / "made.onnx")
    card = convert(made, "fp32", folder / "again.onnx").card
    assert (card.layout, card.suppression) == ("sizewise_nms", THIS)


def test_a_file_of_anybody_needs_a_layout(folder: Path) -> None:
    model = write_cells(folder / "cells.onnx", "b_4c_n", card=None)
    with pytest.raises(UsageError, match="Give layout, or leave nms out"):
        with_suppression(model, THIS, folder / "made.onnx")
    told = replace(model, card=replace(model.card, task="detection", layout="b_4c_n"))
    assert with_suppression(told, THIS, folder / "made.onnx").card.stride == 1


def test_the_wrong_layout_leaves_no_file(folder: Path) -> None:
    model = write_cells(folder / "cells.onnx", "b_n_5c", card=None)
    told = replace(model, card=replace(model.card, task="detection", layout="sizewise"))
    with pytest.raises(InputError, match="do not have the layout sizewise"):
        with_suppression(told, THIS, folder / "made.onnx")
    assert list(folder.iterdir()) == [model.path]


def test_a_fixed_batch_stays_fixed(folder: Path) -> None:
    model = write_cells(folder / "cells.onnx", batch="1")
    made = with_suppression(model, THIS, folder / "made.onnx")
    assert made.outputs[0].shape == (1, 30, 6)
    assert {check.batch_size for check in made.card.parity} == {1}


def test_channels_may_come_last(folder: Path) -> None:
    proto = onnx.load(write_cells(folder / "cells.onnx").path)
    sides = proto.graph.input[0].type.tensor_type.shape.dim
    for side, name in zip(sides, ("batch", "height", "width", "channels"), strict=True):
        side.dim_param = name
    sides[3].dim_value = 3
    turn = onnx.helper.make_node("Transpose", ["pictures"], ["turned"], perm=[0, 3, 1, 2])
    proto.graph.node[0].input[0] = "turned"
    proto.graph.node.insert(0, turn)
    onnx.save(proto, folder / "last.onnx")
    made = with_suppression(read_model(folder / "last.onnx"), THIS, folder / "made.onnx")
    images = pictures(2, 64, 72)
    first = with_suppression(read_model(folder / "cells.onnx"), THIS, folder / "first.onnx")
    found = run(onnx.load(made.path), pictures=np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
    assert_allclose(found, run(onnx.load(first.path), pictures=images))


def test_images_of_bytes_are_refused(folder: Path) -> None:
    proto = onnx.load(write_cells(folder / "cells.onnx").path)
    proto.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    cast = onnx.helper.make_node("Cast", ["pictures"], ["floats"], to=onnx.TensorProto.FLOAT)
    proto.graph.node[0].input[0] = "floats"
    proto.graph.node.insert(0, cast)
    onnx.save(proto, folder / "bytes.onnx")
    with pytest.raises(InputError, match=r"float32 RGB images, and the model takes pictures uint8"):
        with_suppression(read_model(folder / "bytes.onnx"), THIS, folder / "made.onnx")


def test_boxes_from_right_to_left_are_no_boxes_and_do_not_pass(folder: Path) -> None:
    """ONNX's operator takes them for boxes all the same."""
    proto = onnx.load(write_cells(folder / "cells.onnx").path)
    (side,) = (tensor for tensor in proto.graph.initializer if tensor.name == "side")
    turned = np.array([40, 0, 0, 40], np.float32)
    side.CopyFrom(numpy_helper.from_array(turned, "side"))
    onnx.save(proto, folder / "turned.onnx")
    with pytest.raises(ParityError, match="gives wrong detections"):
        with_suppression(read_model(folder / "turned.onnx"), THIS, folder / "made.onnx")


def test_a_size_that_the_file_does_not_take_is_told(folder: Path) -> None:
    model = write_cells(folder / "cells.onnx", opset=17)
    text = onnx.load(model.path)
    (rows,) = (t for t in text.graph.initializer if t.name == "as_rows")
    rows.CopyFrom(numpy_helper.from_array(np.array([0, 3, 64]), "as_rows"))
    onnx.save(text, folder / "fixed.onnx")
    with pytest.raises(ExportError, match=r"fixed\.onnx does not run at 64x96, batch 1"):
        with_suppression(read_model(folder / "fixed.onnx"), THIS, folder / "made.onnx")


def test_weights_above_one_file_are_refused_before_they_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_cells(folder / "cells.onnx")
    monkeypatch.setattr("sizewise.core.onnxfiles.weights.MOST_BYTES", 40)
    monkeypatch.setattr("exporter.suppression.convert.load_onnx", None)
    with pytest.raises(ExportError, match=r"can't be converted: its weights take .* GB"):
        with_suppression(model, THIS, folder / "made.onnx")


def test_the_source_is_never_overwritten(folder: Path) -> None:
    model = write_cells(folder / "cells.onnx")
    with pytest.raises(OutputError, match="it is the model to convert"):
        with_suppression(model, THIS, model.path)


def test_nothing_of_it_needs_torch() -> None:
    said = "import sys, exporter.suppression.convert; print({'torch', 'onnx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
