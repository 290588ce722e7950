"""The adapter, with a timm of our own making in its place."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from netzoo.backbones._registry import build_four_levels, find_backbone
from netzoo.deploy import fold_batch_norms
from netzoo.weights.backbones import load_backbone_weights
from sizewise.core.errors import InputError, UsageError

MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)


def stages(count: int) -> list[nn.Module]:
    """Of stride 2, each with a BatchNorm first: in the order of ResNet v2, not of ours."""
    return [
        nn.Sequential(
            OrderedDict(norm_1=nn.BatchNorm2d(channels), conv=nn.Conv2d(channels, 4 + i, 3, 2, 1))
        )
        for i, channels in enumerate([3, *range(4, 3 + count)])
    ]


class Whole(nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.stages = nn.Sequential(*stages(count))
        self.head = nn.Linear(3 + count, 10)


class Features(nn.ModuleDict):
    """Named as timm names what gives maps."""

    def __init__(self, count: int, told: int, *, channels_last: bool = False) -> None:
        super().__init__({f"stages_{i}": stage for i, stage in enumerate(stages(count))})
        numbers = range(count)
        self.pretrained_cfg = {"mean": MEAN, "std": STD}
        self.channels_last = channels_last
        self.feature_info = SimpleNamespace(
            channels=lambda: [4 + i for i in numbers],
            reduction=lambda: [told ** (1 + i) for i in numbers],
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = [x]
        for stage in self.values():
            maps.append(stage(maps[-1]))
        return [m.permute(0, 2, 3, 1) if self.channels_last else m for m in maps[1:]]


def create_model(name: str, *, pretrained: bool, features_only: bool = False) -> nn.Module:
    assert not pretrained
    if name == "flat":
        raise RuntimeError("features_only not implemented for Vision Transformer models.")
    count = 3 if name == "short" else 5
    if not features_only:
        return Whole(count)
    return Features(count, 4 if name == "liar" else 2, channels_last=name == "last")


@pytest.fixture(autouse=True)
def _timm(monkeypatch: pytest.MonkeyPatch) -> None:
    fake: Any = ModuleType("timm")
    names = ["whole", "short", "flat", "liar", "last"]
    fake.__version__ = "1.2.3"
    fake.is_model = names.__contains__
    fake.list_models = lambda: names
    fake.create_model = create_model
    monkeypatch.setitem(sys.modules, "timm", fake)


def test_a_model_of_timm_feeds_a_pyramid() -> None:
    backbone = build_four_levels("timm:whole")
    assert backbone.strides == (2, 4, 8, 16, 32)
    assert backbone.channels == [4, 5, 6, 7, 8]
    assert (backbone.mean, backbone.std) == (MEAN, STD)
    maps = backbone(torch.rand(2, 3, 32, 64))
    assert [tuple(m.shape) for m in maps[-4:]] == [
        (2, 5, 8, 16),
        (2, 6, 4, 8),
        (2, 7, 2, 4),
        (2, 8, 1, 2),
    ]


def test_building_teaches_no_batch_norm_and_leaves_it_in_training() -> None:
    backbone = build_four_levels("timm:whole")
    assert all(module.training for module in backbone.modules())
    assert all(not v.any() for k, v in backbone.state_dict().items() if k.endswith("tracked"))


def test_nothing_of_it_is_folded() -> None:
    backbone = build_four_levels("timm:whole").eval()
    images = torch.rand(1, 3, 32, 64)
    with torch.inference_mode():
        wanted = backbone(images)
        fold_batch_norms(nn.Sequential(backbone))
        found = backbone(images)
    assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("timm:short", "four levels: its maps have 2, 4, 8 pixels"),
        ("timm:flat", "not implemented for Vision Transformer"),
        ("timm:liar", "instead of"),
        ("timm:last", "instead of"),
        ("timm:whale", "timm 1.2.3 has no model of that name. Try timm:whole"),
        ("timm:hf-hub:timm/resnet18", "no model of that name"),
        ("timm:", "no model of that name"),
    ],
)
def test_what_can_not_feed_a_pyramid_is_refused(name: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        build_four_levels(name)


@pytest.mark.parametrize(("width", "depth"), [(0.5, 1.0), (1.0, 2.0)])
def test_another_width_or_depth_is_refused(width: float, depth: float) -> None:
    with pytest.raises(UsageError, match="Leave width and depth out"):
        build_four_levels("timm:whole", width, depth)


def test_without_timm_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match="pip install timm torchvision"):
        find_backbone("timm:whole")


def published(path: Path, count: int = 5) -> dict[str, Tensor]:
    tensors = {
        name: torch.rand_like(value) if value.is_floating_point() else value
        for name, value in Whole(count).state_dict().items()
    }
    save_file(tensors, path)
    return tensors


def test_weights_load_though_timm_names_them_in_two_ways(tmp_path: Path) -> None:
    entry = find_backbone("timm:whole")
    backbone = entry.build(1.0, 1.0)
    tensors = published(tmp_path / "model.safetensors")
    load_backbone_weights(backbone, entry, tmp_path / "model.safetensors")
    for stage in range(5):
        found = backbone.get_parameter(f"features.stages_{stage}.conv.weight")
        assert torch.equal(found, tensors[f"stages.{stage}.conv.weight"])


def test_weights_of_a_smaller_model_are_refused(tmp_path: Path) -> None:
    entry = find_backbone("timm:whole")
    published(tmp_path / "model.safetensors", 3)
    with pytest.raises(InputError, match=r"features\.stages_3\.norm_1\.weight is missing"):
        load_backbone_weights(entry.build(1.0, 1.0), entry, tmp_path / "model.safetensors")
