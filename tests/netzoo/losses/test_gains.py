"""Gains, λ and thresholds of the losses: those of the papers unless others are given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from netzoo.losses._registry import Targets, find_loss
from netzoo.training.settings import LossGains, TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, build_network, find_network
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size, Sizes
from tests.netzoo.factories import CLASSES, squares

OWN: dict[tuple[str, str], dict[str, float]] = {
    ("yolov3", "dense"): {
        **{"box_gain": 0.05, "objectness_gain": 1.0, "class_gain": 0.5},
        "anchor_ratio": 4.0,
    },
    ("yolov4-csp", "paper"): {
        **{"box_gain": 0.05, "objectness_gain": 1.0, "class_gain": 0.5},
        "anchor_ratio": 4.0,
    },
    ("yolov2", "paper"): {
        **{"box_gain": 1.0, "objectness_gain": 5.0, "background_gain": 1.0, "class_gain": 1.0},
        "ignore_iou": 0.6,
    },
    ("yolov3", "paper"): {
        **{"box_gain": 1.0, "objectness_gain": 1.0, "background_gain": 1.0, "class_gain": 1.0},
        **{"ignore_iou": 0.7, "answer_iou": 1.0},
    },
    ("yolov4", "paper"): {
        **{"box_gain": 0.07, "objectness_gain": 1.0, "background_gain": 1.0, "class_gain": 1.0},
        **{"ignore_iou": 0.7, "answer_iou": 0.213},
    },
    ("yolov4-tiny", "paper"): {
        **{"box_gain": 0.07, "objectness_gain": 1.0, "background_gain": 1.0, "class_gain": 1.0},
        **{"ignore_iou": 0.7, "answer_iou": 1.0},
    },
}
"""As the papers and the original configurations have them."""


def _network(name: str) -> AnchorDetector:
    torch.manual_seed(0)
    config = NetworkConfig(name=name, classes=CLASSES, width=0.0625, depth=0.1)
    network = build_network(config)
    assert isinstance(network, AnchorDetector)
    return network


def _heads(network: AnchorDetector) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    heads: list[Tensor] = network(torch.rand(2, 3, 128, 128, generator=generator))
    return heads


def _targets() -> Targets:
    return Targets(
        images=torch.tensor([0, 0, 1]),
        labels=torch.tensor([0, 1, 1]),
        boxes=torch.tensor([[4.0, 8, 60, 70], [50, 40, 120, 100], [30, 30, 62, 90]]),
    )


def _parts(name: str, loss: str, gains: LossGains | None) -> dict[str, Tensor]:
    network, entry = _network(name), find_network(name)
    function = find_loss(loss).wanted(entry, TrainingSettings(loss=loss, gains=gains))
    return function(network, _heads(network), _targets())


@pytest.mark.parametrize(("name", "loss"), OWN)
def test_the_defaults_are_the_papers(name: str, loss: str) -> None:
    """To the bit, and no part of a checkpoint's identity."""
    own = LossGains(**OWN[name, loss])  # type: ignore[arg-type]
    plain, said = _parts(name, loss, None), _parts(name, loss, own)
    assert {n: v.item() for n, v in plain.items()} == {n: v.item() for n, v in said.items()}
    assert find_loss(loss).settled(find_network(name), own) is None


@pytest.mark.parametrize(("name", "loss"), OWN)
@pytest.mark.parametrize(("gain", "part"), [("box_gain", "box"), ("class_gain", "classes")])
def test_a_gain_weighs_its_part_alone(name: str, loss: str, gain: str, part: str) -> None:
    plain = _parts(name, loss, None)
    other: dict[str, Any] = {gain: 3 * OWN[name, loss][gain]}
    found = _parts(name, loss, LossGains(**other))
    for key, value in found.items():
        torch.testing.assert_close(value, (3 if key == part else 1) * plain[key])


@pytest.mark.parametrize(("name", "loss"), OWN)
def test_what_is_there_and_what_is_not_make_the_objectness(name: str, loss: str) -> None:
    own = OWN[name, loss]
    plain = _parts(name, loss, None)["objectness"]
    found = _parts(name, loss, LossGains(objectness_gain=0.0))["objectness"]
    if "background_gain" not in own:
        assert found == 0
        return
    there = _parts(name, loss, LossGains(background_gain=0.0))["objectness"]
    assert 0 < found < plain
    torch.testing.assert_close(found + there, plain)


def test_the_balance_is_given_for_the_finest_head_first() -> None:
    """YOLOv3's first head is its coarsest."""
    alone = [
        _parts("yolov3", "dense", LossGains(objectness_balance=balance))["objectness"]
        for balance in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    ]
    usual = _parts("yolov3", "dense", None)["objectness"]
    torch.testing.assert_close(4 * alone[0] + alone[1] + alone[2] / 4, usual)


def test_a_higher_threshold_leaves_less_out() -> None:
    least, most = (
        _parts("yolov3", "paper", LossGains(ignore_iou=iou))["objectness"] for iou in (0.0, 1.0)
    )
    assert least < most


def test_more_anchors_answer_where_less_of_their_shape_must_agree() -> None:
    best, more = (
        _parts("yolov4", "paper", LossGains(answer_iou=iou))["classes"] for iou in (1.0, 0.0)
    )
    usual = _parts("yolov4", "paper", None)["classes"]
    assert best < usual < more
    tiny = _parts("yolov3", "paper", LossGains(answer_iou=0.0))["classes"]
    assert tiny > _parts("yolov3", "paper", None)["classes"]


def test_answers_are_counted_as_the_loss_finds_them() -> None:
    network, entry = _network("yolov3"), find_loss("dense")
    plain = entry.counter(TrainingSettings())
    strict = entry.counter(TrainingSettings(gains=LossGains(anchor_ratio=1.5)))
    assert plain is not None
    assert strict is not None
    size = Size(128, 128)
    assert sum(strict(network, size, _targets())) < sum(plain(network, size, _targets()))


@pytest.mark.parametrize(
    ("name", "loss", "given", "said"),
    [
        ("yolov3", "dense", {"ignore_iou": 0.5}, "has no ignore_iou"),
        ("yolov2", "paper", {"anchor_ratio": 2.0}, "has no anchor_ratio"),
        ("yolov2", "paper", {"assumed_iou": 0.2}, "has no assumed_iou"),
        ("yolov2", "paper", {"answer_iou": 0.2}, "has no answer_iou"),
        ("yolov4", "dense", {"answer_iou": 0.2}, "has no answer_iou"),
        ("darknet19", "cross_entropy", {"box_gain": 1.0}, "it has no gains"),
        ("multiscale", "masks", {"box_gain": 1.0}, "it has no gains"),
        ("yolov3", "dense", {"objectness_balance": (1.0, 2.0)}, "its heads are 3"),
    ],
)
def test_what_a_loss_does_not_have_is_refused(
    name: str, loss: str, given: dict[str, Any], said: str
) -> None:
    settings = TrainingSettings(loss=loss, gains=LossGains(**given))
    with pytest.raises(UsageError, match=said):
        find_loss(loss).wanted(find_network(name), settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"box_gain": -1.0},
        {"class_gain": float("nan")},
        {"objectness_gain": float("inf")},
        {"ignore_iou": 1.5},
        {"answer_iou": -0.1},
        {"anchor_ratio": 1.0},
        {"anchor_ratio": 5.0},
        {"objectness_balance": (1.0, -1.0)},
    ],
)
def test_gains_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        LossGains(**wrong)


def test_gains_change_a_training(tmp_path: Path) -> None:
    data = squares(tmp_path / "squares", 2)
    settings = TrainingSettings(
        steps=1, sizes=Sizes.parse("64"), batch_size=2, loss="dense", threads=1
    )
    config = NetworkConfig(name="yolov4-tiny", classes=CLASSES, width=0.05)
    changed = replace(settings, gains=LossGains(class_gain=2.0))
    plain, other = (train(config, data, one) for one in (settings, changed))
    assert any(
        not torch.equal(a, b) for a, b in zip(plain.parameters(), other.parameters(), strict=True)
    )
