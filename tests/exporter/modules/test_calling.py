"""How a module is called is found by calling it, and what can't be called so is said in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import sizewise as sw
from exporter.modules.factory import Said, from_module
from exporter.modules.outputs import demand_batch, named_apart
from sizewise.core.errors import ExportError
from sizewise.core.further.reading import read_inputs
from sizewise.core.specs import Preprocessing, Size

EXAMPLE = Size(64, 64)


class Prompted(nn.Module):
    """Takes words beside its images: their numbers, and which of them count."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.words = nn.Conv2d(3, 8, 8, 8), nn.Embedding(50, 8)

    def forward(self, images: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
        words = self.words(ids) * weights.softmax(-1)[..., None]
        found: Tensor = words @ self.patches(images).flatten(2)
        return found


def test_zeros_of_a_shape_are_whole_numbers_where_no_others_run() -> None:
    """As the help writes it: prompt=1x77."""
    said = Said(inputs=read_inputs(["ids=1x7", "weights=1x7"]))
    found = from_module(Prompted(), EXAMPLE, said)
    assert [(one.name, one.dtype) for one in found.further] == [
        ("ids", "int64"),
        ("weights", "float32"),
    ]
    (remark,) = found.remarks
    assert "ids is given whole numbers" in remark
    assert "ids=0:1x7 says so" in remark
    again = from_module(Prompted(), EXAMPLE, Said(inputs=read_inputs(["ids=0:1x7", "weights=1x7"])))
    assert (again.further[0].dtype, again.remarks) == ("int64", ())


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_are_those_of_the_first_convolution(channels: int) -> None:
    module = nn.Sequential(nn.Identity(), nn.Conv2d(channels, 4, 4, 4), nn.Conv2d(4, 2, 1))
    found = from_module(module, EXAMPLE)
    assert found.channels == channels
    assert ("The module takes images of" in " ".join(found.remarks)) == (channels != 3)
    assert (found.card.stride, found.card.smallest) == (1, 4)


def test_grey_that_is_said_is_one_channel() -> None:
    said = Said(preprocessing=Preprocessing(order="gray"))
    found = from_module(nn.AvgPool2d(2), EXAMPLE, said)  # of any number of channels
    assert (found.channels, found.remarks) == (1, ())
    assert from_module(nn.AvgPool2d(2), EXAMPLE).channels == 3


class PerImage(nn.Module):
    """As torchvision's detectors."""

    def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
        return [{"boxes": one[0, :4, :4], "scores": one[1, :4, 0]} for one in images]


def test_a_list_with_an_entry_for_each_image_is_refused_as_such() -> None:
    with pytest.raises(ExportError, match="a list with an entry for each image") as caught:
        from_module(PerImage(), EXAMPLE)
    assert "nms can put NMS into the graph" in caught.value.todo
    assert "stride" not in str(caught.value)


def test_two_outputs_of_one_kind_are_no_list_of_images() -> None:
    pair = (torch.zeros(2, 1), torch.zeros(2, 1))
    demand_batch(pair, 2, lambda: (torch.zeros(3, 1), torch.zeros(3, 1)))
    demand_batch([*pair, pair[0]], 2, lambda: pair)
    with pytest.raises(ExportError, match="entry for each image"):
        demand_batch(pair, 2, lambda: [*pair, pair[0]])


def test_outputs_with_the_name_of_an_input_get_another_one() -> None:
    names, remarks = named_apart(("images", "map", "images_output"), ("images", "size"))
    assert names == ("images_output_output", "map", "images_output")
    assert len(remarks) == 1
    assert named_apart(("map",), ("images",)) == (("map",), ())


class Grey(nn.Module):
    """One channel, an input called images beside the picture, and an output as the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x: Tensor, images: Tensor) -> dict[str, Tensor]:
        return {"x": self.conv(x) * images}


def test_inputs_and_outputs_may_be_called_as_the_picture() -> None:
    found = from_module(Grey(), EXAMPLE, Said(inputs=read_inputs(["images=0.5"])))
    assert (found.images_name, found.output_names, found.channels) == ("x", ("x_output",), 1)
    assert [one.name for one in found.further] == ["images"]


@pytest.mark.slow
def test_such_a_module_is_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    (made,) = sw.export(Grey(), out=tmp_path, size="64", input=["images=0.5"])
    model = made.model
    assert [(one.name, one.shape) for one in model.inputs] == [
        ("x", ("batch", 1, "height", "width")),
        ("images", ()),
    ]
    assert [one.name for one in model.outputs] == ["x_output"]
    assert all(check.passed for check in model.card.parity)
