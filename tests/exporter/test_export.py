from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.export import export
from sizewise.core.errors import ExportError, UsageError
from sizewise.core.specs import Size, TensorSpec
from tests.exporter.conftest import Exported
from tests.exporter.sample_modules import UNKNOWN, Conv

IMAGES = TensorSpec(name="images", dtype="float32", shape=("batch", 3, "height", "width"))


def op_types(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def test_dimensions_are_free_and_named(detector: Exported, segmenter: Exported) -> None:
    boxes, scores = detector.model.outputs
    count = "5*(height//8)*(width//8)"
    assert detector.model.inputs == segmenter.model.inputs == (IMAGES,)
    assert boxes == TensorSpec(name="boxes", dtype="float32", shape=("batch", count, 4))
    assert scores == TensorSpec(name="scores", dtype="float32", shape=("batch", count, 3))
    assert segmenter.model.outputs[0].shape == ("batch", 1, "height", "width")


def test_the_card_holds_what_was_asked_and_every_parity(detector: Exported) -> None:
    card = detector.model.card
    assert (card.network, card.task, card.layout) == ("mini", "detection", "sizewise")
    assert (card.classes, card.stride, card.precision) == (("a", "b", "c"), 8, "fp32")
    sizes = {check.size for check in card.parity}
    assert len(sizes) >= 6
    assert Size(64, 96) not in sizes
    assert any(size.height != size.width for size in sizes)
    assert 3 in {check.batch_size for check in card.parity}
    assert {check.output for check in card.parity} == {"boxes", "scores"}
    assert all(check.passed for check in card.parity)
    assert max(check.max_abs_error for check in card.parity) > 0


def test_progress_ends_where_it_said(detector: Exported) -> None:
    assert [detector.progress.steps] == detector.progress.totals


def test_no_batch_norm_is_left_even_where_the_backbone_runs_three_times(
    detector: Exported, segmenter: Exported
) -> None:
    for model in (detector.model, segmenter.model):
        assert "BatchNormalization" not in op_types(model.path)
    assert op_types(segmenter.model.path).count("Conv") == 3 * 2 + 1
    # Three calls share one set of weights.
    kernels = [t for t in onnx.load(segmenter.model.path).graph.initializer if len(t.dims) == 4]
    assert len(kernels) == 3


def test_opset_and_one_file_with_its_program(detector: Exported) -> None:
    path = detector.model.path
    assert detector.model.opset_version == 20
    assert sorted(path.parent.iterdir()) == [path, path.with_suffix(".pt2")]


def test_no_path_of_this_machine_is_in_the_files(detector: Exported) -> None:
    """torch notes the source lines of every node: this file's folder and its own."""
    with zipfile.ZipFile(detector.model.program_path) as program:
        contents = [program.read(name) for name in program.namelist()]
    house = Path(__file__).parents[2]
    for content in (detector.model.path.read_bytes(), *contents):
        for private in (str(house), str(Path(torch.__file__).parent), "modules.py", "stack_trace"):
            assert private.encode() not in content


@settings(max_examples=15, deadline=None)
@given(
    batch=st.integers(1, 4),
    height=st.integers(2, 24).map(lambda n: n * 8),
    width=st.integers(2, 24).map(lambda n: n * 8),
)
def test_any_multiple_of_the_stride_agrees_with_eager(
    detector: Exported, batch: int, height: int, width: int
) -> None:
    session = ort.InferenceSession(detector.model.path, providers=["CPUExecutionProvider"])
    images = torch.rand(batch, 3, height, width)
    with torch.no_grad():
        expected = detector.module(images)
    given = session.run(["boxes", "scores"], {"images": images.numpy()})
    for ours, theirs in zip(given, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-4)


def test_the_program_runs_without_the_modules_class(detector: Exported) -> None:
    images = torch.rand(1, 3, 16, 200)
    program = torch.export.load(detector.model.program_path).module()
    with torch.no_grad():
        for ours, theirs in zip(program(images), detector.module(images), strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("example", [Size(100, 96), Size(96, 100), Size(32, 96)])
def test_an_example_off_the_stride_or_of_one_cell_is_refused(folder: Path, example: Size) -> None:
    with pytest.raises(UsageError, match="multiples of 32, and at least 64"):
        export(Conv(), UNKNOWN, folder / "a.onnx", output_names=("map",), example=example)


def test_another_suffix_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in \.onnx"):
        export(Conv(), UNKNOWN, folder / "a.pt2", output_names=("map",), example=Size(64, 96))


def test_weights_that_are_not_float32_are_refused(folder: Path) -> None:
    with pytest.raises(ExportError, match="float16"):
        export(
            Conv().half(), UNKNOWN, folder / "a.onnx", output_names=("map",), example=Size(64, 96)
        )


def test_weights_above_one_file_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizewise.core.onnxfiles.weights.MOST_BYTES", 400)
    with pytest.raises(ExportError, match="does not fit into one ONNX file"):
        export(Conv(), UNKNOWN, folder / "a.onnx", output_names=("map",), example=Size(64, 96))
