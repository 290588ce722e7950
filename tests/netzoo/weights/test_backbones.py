from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from netzoo.backbones._base import Backbone, BackboneEntry
from netzoo.backbones._registry import find_backbone
from netzoo.weights.backbones import load_backbone_weights
from sizewise.core.errors import InputError
from tests.netzoo.backbones.timm_reference import REFERENCES, made_up_tensors

Write = Callable[[dict[str, Tensor], Path], None]

NAME = "efficientnet_b0"
FIRST = "conv_stem.weight"


@pytest.fixture
def entry() -> BackboneEntry:
    return find_backbone(NAME)


@pytest.fixture
def backbone(entry: BackboneEntry) -> Backbone:
    return entry.build(1.0, 1.0)


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """As timm's file has them, classifier and all."""
    return made_up_tensors(REFERENCES[NAME]["tensors"])


def with_safetensors(tensors: dict[str, Tensor], path: Path) -> None:
    save_file(tensors, path)


def with_torch(tensors: dict[str, Tensor], path: Path) -> None:
    torch.save(tensors, path)


@pytest.mark.parametrize("write", [with_safetensors, with_torch])
def test_a_published_file_loads_as_it_is(
    tmp_path: Path,
    entry: BackboneEntry,
    backbone: Backbone,
    published: dict[str, Tensor],
    write: Write,
) -> None:
    write(published, tmp_path / "model")
    load_backbone_weights(backbone, entry, tmp_path / "model")
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, published[name])


def test_an_old_file_without_counters_loads(
    tmp_path: Path, entry: BackboneEntry, backbone: Backbone, published: dict[str, Tensor]
) -> None:
    old = {k: v for k, v in published.items() if not k.endswith("num_batches_tracked")}
    save_file(old, tmp_path / "model.safetensors")
    load_backbone_weights(backbone, entry, tmp_path / "model.safetensors")
    assert torch.equal(backbone.state_dict()[FIRST], published[FIRST])


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({FIRST: None}, "conv_stem.weight is missing"),
        ({"blocks.1.2.conv_pw.weight": torch.ones(1)}, "blocks.1.2.conv_pw.weight is unknown"),
        ({FIRST: torch.ones(32, 1, 3, 3)}, r"conv_stem.weight is \[32, 1, 3, 3\] instead of"),
        ({"bn1.running_var": torch.full((32,), torch.inf)}, "bn1.running_var is not finite"),
        ({"bn1.bias": torch.ones(32, dtype=torch.int8)}, "bn1.bias is torch.int8"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_changed(
    tmp_path: Path,
    backbone: Backbone,
    published: dict[str, Tensor],
    changed: dict[str, Tensor | None],
    complaint: str,
) -> None:
    both = published | changed
    save_file({k: v for k, v in both.items() if v is not None}, tmp_path / "model.safetensors")
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    with pytest.raises(InputError, match=f"does not fit {NAME}: {complaint}"):
        load_backbone_weights(backbone, find_backbone(NAME), tmp_path / "model.safetensors")
    assert all(torch.equal(v, before[k]) for k, v in backbone.state_dict().items())


@pytest.mark.parametrize("content", [b"", b"no weights", b"\x80\x04N."])
def test_a_foreign_file_is_refused(
    tmp_path: Path, entry: BackboneEntry, backbone: Backbone, content: bytes
) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.bin"):
        load_backbone_weights(backbone, entry, tmp_path / "model.bin")
    with pytest.raises(InputError, match="can't be opened"):
        load_backbone_weights(backbone, entry, tmp_path / "nothing")


def test_weights_of_another_backbone_are_refused(
    tmp_path: Path, published: dict[str, Tensor]
) -> None:
    save_file(published, tmp_path / "model.safetensors")
    other = find_backbone("resnet18")
    with pytest.raises(InputError, match="does not fit resnet18"):
        load_backbone_weights(other.build(1.0, 1.0), other, tmp_path / "model.safetensors")
