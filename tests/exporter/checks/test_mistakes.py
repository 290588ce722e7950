"""Size-baking and batch-swallowing modules are caught, and leave no file behind."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from torch.export import ExportedProgram

from exporter.checks.probes import Probe
from exporter.checks.reference import references
from exporter.export import export
from exporter.lowering import lower
from sizewise.core.errors import ExportError, InputError, ParityError, UnsupportedOperatorError
from sizewise.core.specs import ModelCard, Size
from tests.exporter.sample_modules import (
    DETECTOR,
    SEGMENTER,
    UNKNOWN,
    BakedResize,
    Bessel,
    Blind,
    Conv,
    DataDependent,
    FixedBatch,
    FixedBuffer,
    FixedGrid,
    FixedHeight,
    FixedMask,
    TwoBranches,
)

EXAMPLE = Size(64, 96)


def _line(code: str) -> str:
    return rf" in \S*modules\.py:\d+ \({code}\)"


def attempt(
    module: nn.Module,
    folder: Path,
    card: ModelCard = UNKNOWN,
    *,
    names: tuple[str, ...] = ("map",),
    example: Size = EXAMPLE,
) -> None:
    """An export that has to fail: the folder is as it was after it."""
    before = {path: path.read_bytes() for path in folder.iterdir()}
    try:
        export(module, card, folder / "a.onnx", output_names=names, example=example)
    finally:
        assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("stride", [16, 32])
def test_a_size_rounded_through_int_is_baked_in_and_caught(folder: Path, stride: int) -> None:
    (folder / "a.onnx").write_bytes(b"an earlier export")
    card = replace(UNKNOWN, stride=stride)
    with pytest.raises(ParityError, match=r"compute different values|does not run") as caught:
        attempt(BakedResize(), folder, card, example=Size(128, 192))
    assert caught.value.reason_code == "numerics"
    assert "integer arithmetic" in caught.value.todo


def test_a_graph_that_is_off_by_a_thousandth_is_caught(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault is in the ONNX graph alone: module and program agree."""

    def tampered(program: ExportedProgram, **wanted: Any) -> onnx.ModelProto:
        model = lower(program, **wanted)
        kernel = next(t for t in model.graph.initializer if len(t.dims) == 4)
        changed = onnx.numpy_helper.to_array(kernel) * np.float32(1.001)
        kernel.CopyFrom(onnx.numpy_helper.from_array(changed, kernel.name))
        return model

    monkeypatch.setattr("exporter.export.lower", tampered)
    with pytest.raises(ParityError, match="The ONNX graph and the module compute different values"):
        attempt(Conv(), folder)


def test_a_grid_of_fixed_size_works_at_its_example_alone(folder: Path) -> None:
    with pytest.raises(ExportError, match="The module itself does not run at 64x96") as caught:
        attempt(FixedGrid(4), folder, example=Size(128, 128))
    assert "it runs at its example's size" in caught.value.why


def test_a_grid_of_fixed_size_makes_four_images_of_one_at_832() -> None:
    probes = [Probe(batch_size=1, size=Size(832, 832))]
    with pytest.raises(ExportError, match=r"is not the batch: .*\[4, 13, 13, 5, 25\]"):
        references(FixedGrid(13), probes, ["head"], example=Size(416, 416))


def test_a_fixed_size_can_be_asked_for_and_leaves_the_batch_free(folder: Path) -> None:
    path = folder / "a.onnx"
    model = export(
        FixedGrid(4), UNKNOWN, path, output_names=("head",), example=Size(128, 128), dynamic=False
    )
    assert model.inputs[0].shape == ("batch", 3, 128, 128)
    assert model.outputs[0].shape == ("batch", 4, 4, 5, 25)
    assert {check.size for check in model.card.parity} == {Size(128, 128)}
    assert {check.batch_size for check in model.card.parity} == {1, 2, 3}


def test_a_fixed_batch_is_caught(folder: Path) -> None:
    with pytest.raises(ExportError, match=r"is not the batch: at 96x64, batch 3"):
        attempt(FixedBatch(), folder)


def test_a_mask_that_does_not_follow_the_image_is_caught(folder: Path) -> None:
    with pytest.raises(ExportError, match="not those of a segmenter"):
        attempt(FixedMask(), folder, SEGMENTER, names=("mask_logits",))


def test_a_buffer_that_larger_images_outgrow_is_caught(folder: Path) -> None:
    with pytest.raises(ExportError, match="The module itself does not run at 128x256"):
        attempt(FixedBuffer(), folder, example=Size(192, 192))


def test_a_detector_by_name_only_is_caught(folder: Path) -> None:
    with pytest.raises(InputError, match="do not have the layout sizewise"):
        attempt(Conv(), folder, DETECTOR)


def test_outputs_and_names_must_be_as_many(folder: Path) -> None:
    with pytest.raises(ExportError, match="number of output tensors: 1; names: a, b"):
        attempt(Conv(), folder, names=("a", "b"))


def test_a_module_that_fails_at_its_own_example_is_told_from_the_rest(folder: Path) -> None:
    with pytest.raises(ExportError, match="The module does not run at 64x96: "):
        attempt(nn.Conv2d(4, 4, 1), folder)


def test_a_stride_that_the_module_does_not_have_is_caught(folder: Path) -> None:
    module = nn.Sequential(nn.PixelUnshuffle(16), nn.Conv2d(768, 4, 1))
    with pytest.raises(ExportError, match="give the stride that the module needs"):
        attempt(module, folder, replace(UNKNOWN, stride=8))


def test_a_module_that_no_image_changes_can_not_be_checked(folder: Path) -> None:
    with pytest.raises(ExportError, match="almost the same for every image"):
        attempt(Blind(), folder)


def test_a_diverged_network_is_refused(folder: Path) -> None:
    module = Conv()
    torch.nn.init.constant_(module.conv.bias, torch.nan)  # type: ignore[arg-type]
    with pytest.raises(ExportError, match="holds NaN values"):
        attempt(module, folder)


def test_an_operator_that_onnx_lacks_is_named(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnsupportedOperatorError, match="bessel_j0" + _line(".+bessel.+")) as caught:
        attempt(Bessel(), folder)
    assert caught.value.reason_code == "unsupported_operator"
    assert "".join(capfd.readouterr()) == ""


def test_a_branch_on_values_is_shown(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ExportError, match=_line(r"if found\.sum\(\) > 0:")):
        attempt(DataDependent(), folder)
    assert "".join(capfd.readouterr()) == ""


def test_a_branch_on_sizes_is_caught(folder: Path) -> None:
    with pytest.raises(
        ParityError, match="exported program and the module compute different values"
    ) as caught:
        attempt(TwoBranches(), folder, example=Size(128, 192))
    assert re.search("A branch on a size" + _line("return found if .+"), caught.value.why)


def test_a_size_that_torch_makes_a_constant_is_named(folder: Path) -> None:
    with pytest.raises(
        ExportError, match=_line(r"return super\(\).+") + " fixes the height to 128"
    ):
        attempt(FixedHeight(), folder, example=Size(128, 192))
