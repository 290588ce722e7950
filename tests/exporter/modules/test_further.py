"""Modules with inputs beside their images: exported with their names, equal at every size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

import sizewise as sw
from exporter.modules.factory import Said, from_module
from exporter.modules.further import further_of_module
from sizewise.core.errors import UsageError
from sizewise.core.further.arrays import array_of
from sizewise.core.further.reading import read_inputs
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import Size, TensorSpec


class Sized(nn.Module):
    """Points of 0–1, scaled to a size in pixels and moved; ``mask`` weighs the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, stride=2, padding=1)

    def forward(
        self,
        images: Tensor,
        sizes: Tensor,
        mask: Tensor | None = None,
        *,
        shift: Tensor | None = None,
    ) -> dict[str, Tensor]:
        if mask is not None:
            images = images * mask
        points = self.conv(images).sigmoid().mean(dim=(2, 3)) * sizes
        return {"points": points if shift is None else points + shift}


SAID = ["shift=0.25", "sizes=height,width", "mask=1.0:batchx1xheightxwidth"]


def test_a_module_exports_with_its_further_inputs(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Sized().eval()
    (made,) = sw.export(module, out=tmp_path, size="64", input=SAID)
    assert made.model.inputs == (
        TensorSpec(name="images", dtype="float32", shape=("batch", 3, "height", "width")),
        TensorSpec(name="sizes", dtype="int64", shape=("batch", 2)),
        TensorSpec(name="mask", dtype="float32", shape=("batch", 1, "height", "width")),
        TensorSpec(name="shift", dtype="float32", shape=()),
    )
    assert "conv" in {node.name for node in onnx.load(made.model.path).graph.node}
    session = onnxruntime.InferenceSession(made.model.path, providers=["CPUExecutionProvider"])
    images, mask = torch.rand(3, 3, 96, 160), torch.rand(3, 1, 96, 160)
    sizes, shift = torch.tensor([[7, 9]] * 3), torch.tensor(-1.0)
    given = {"images": images, "sizes": sizes, "mask": mask, "shift": shift}
    (found,) = session.run(["points"], {name: one.numpy() for name, one in given.items()})
    with torch.no_grad():
        wanted = module(images, sizes, mask, shift=shift)["points"].numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_the_file_says_what_its_inputs_are_given_but_no_file_of_this_machine(
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "size.npy", np.array([[64, 64]]))
    said = [f"sizes={tmp_path / 'size.npy'}", "shift=0.5"]
    (made,) = sw.export(Sized(), out=tmp_path, size="64", input=said)
    assert [one.name for one in made.model.card.inputs] == ["sizes", "shift"]
    assert [str(one) for one in read_model(made.model.path).card.inputs] == ["shift=0.5"]
    assert str(tmp_path).encode() not in made.model.path.read_bytes()


def test_an_input_of_which_nothing_was_said_is_asked_for() -> None:
    with pytest.raises(UsageError, match=r"Sized takes images, sizes, mask, shift: .*sizes should"):
        from_module(Sized(), Size(64, 64))


@pytest.mark.parametrize(
    ("said", "words"),
    [("size=1,2", "it has none such; beside the images it takes sizes"), ("images=1", "images")],
)
def test_an_input_that_is_none_is_refused(said: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        from_module(Sized(), Size(64, 64), Said(inputs=read_inputs([said])))


def test_types_follow_what_was_said() -> None:
    said = read_inputs(["sizes=1,2", "mask=true", "shift=1x77"])
    found = further_of_module("Sized", Sized(), said)
    assert [(one.dtype, one.shape) for one in found] == [
        ("int64", ("batch", 2)),
        ("bool", ()),
        ("float32", (1, 77)),
    ]


def test_a_file_of_numpys_doubles_is_given_as_float32(tmp_path: Path) -> None:
    np.save(tmp_path / "shift.npy", np.array([[0.25, 0.5]]))
    said = read_inputs(["sizes=1,2", f"shift={tmp_path / 'shift.npy'}"])
    (_, shift) = further_of_module("Sized", Sized(), said)
    assert (shift.dtype, shift.shape) == ("float32", ("batch", 2))
    assert array_of(shift, 3, Size(64, 64)).tolist() == [[0.25, 0.5]] * 3


@pytest.mark.parametrize("numbers", [[[1e300]], [["a"]]])
def test_a_file_of_other_than_a_modules_numbers_is_refused(
    numbers: list[object], tmp_path: Path
) -> None:
    np.save(tmp_path / "shift.npy", np.array(numbers))
    said = read_inputs(["sizes=1,2", f"shift={tmp_path / 'shift.npy'}"])
    with pytest.raises(UsageError, match="The input shift can't be given this"):
        further_of_module("Sized", Sized(), said)


def test_a_number_that_its_type_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match="it takes int64, which has no 9223372036854775808"):
        further_of_module("Sized", Sized(), read_inputs([f"sizes=1,{2**63}"]))


def test_networks_of_the_zoo_take_images_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="input can't be given for yolov3-tiny"):
        sw.export("yolov3-tiny", out=tmp_path, input=["x=1"])
