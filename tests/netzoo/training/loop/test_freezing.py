from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from netzoo.training.settings import TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.network import Network
from sizewise.core.errors import UsageError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import narrow_config, squares

QUICK = TrainingSettings(
    steps=2, batch_size=2, sizes=Sizes.parse("64"), warmup_steps=0, threads=1, ema_decay=0.0
)


def _trained(tmp_path: Path, name: str, settings: TrainingSettings) -> tuple[Network, set[str]]:
    """A network, and the names of what a training changed."""
    before: dict[str, Tensor] = {}

    def start(network: Network) -> None:
        before.update({n: value.clone() for n, value in network.state_dict().items()})

    data = squares(tmp_path / "squares", 3)
    network = train(narrow_config(name=name), data, settings, start=start)
    after = network.state_dict()
    return network, {name for name in before if not torch.equal(before[name], after[name])}


def test_a_frozen_backbone_stays_as_it_is_and_the_rest_learns(tmp_path: Path) -> None:
    network, changed = _trained(tmp_path, "yolov3", replace(QUICK, freeze="backbone"))
    assert changed
    assert not any(name.startswith("backbone.") for name in changed)
    heads = {name for name, _ in network.named_parameters() if not name.startswith("backbone.")}
    assert heads <= changed


def test_the_first_convolutions_are_those_of_darknets_order(tmp_path: Path) -> None:
    network, changed = _trained(tmp_path, "yolov3", replace(QUICK, freeze="3"))
    names = {module: name for name, module in network.named_modules()}
    order = [names[convolution] for convolution in network.convolutions()]
    touched = {n for n in order if any(name.startswith(f"{n}.") for name in changed)}
    assert touched == set(order[3:])


def test_frozen_norms_keep_their_statistics_alone(tmp_path: Path) -> None:
    _, changed = _trained(tmp_path, "yolov3", replace(QUICK, freeze_norm=True))
    assert not any("running" in name for name in changed)
    assert any("norm.weight" in name for name in changed)


@pytest.mark.parametrize(
    ("name", "freeze", "said"),
    [("yolov4-tiny", "backbone", "number of convolutions"), ("yolov3-tiny", "13", "it has 13")],
)
def test_what_can_not_be_frozen_is_refused(
    tmp_path: Path, name: str, freeze: str, said: str
) -> None:
    data = squares(tmp_path / "squares", 3)
    config = replace(narrow_config(), name=name, anchors=())
    with pytest.raises(UsageError, match=said):
        train(config, data, replace(QUICK, freeze=freeze))


@pytest.mark.parametrize("freeze", ["neck", "-1", "0", "²", "1.5"])
def test_what_is_no_part_is_refused(freeze: str) -> None:
    with pytest.raises(UsageError, match="backbone, or a number"):
        replace(QUICK, freeze=freeze)
