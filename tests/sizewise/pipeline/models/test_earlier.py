"""What has changed since an earlier training is named by its option, whichever it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netzoo.training.settings import TrainingSettings
from netzoo.weights.checkpoint import Provenance
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from sizewise.core.options.declared import fill, options_of, spelling
from sizewise.pipeline.models.earlier import _changes
from sizewise.pipeline.models.training import Training, TrainOptions

OF_SETTINGS: dict[str, object] = {
    **{"steps": 9, "batch": 4, "fixed_batch": True, "sizes": "96", "size_every": 3},
    **{"learning_rate": 0.01, "weight_decay": 0.1, "warmup_steps": 5, "optimizer": "sgd"},
    **{"momentum": 0.5, "accumulate": 2, "gradient_norm": 1, "ema_decay": 0.5, "seed": 3},
    **{"arithmetic": "fp16", "device": "cuda", "freeze": "backbone", "freeze_norm": True},
    **{"checkpointing": True, "patience": 3, "loss": "paper", "label_smoothing": 0.1},
    **{"focal_gamma": 2, "augment": "light", "final_epochs": 0.5, "box_gain": 2},
    **{"objectness_gain": 2, "class_gain": 2, "objectness_balance": "1,2", "anchor_ratio": 2},
}
OF_PAPER: dict[str, object] = {"background_gain": 2, "ignore_iou": 0.1, "answer_iou": 0.5}
"""Of the loss paper."""
OF_SCALES: dict[str, object] = {
    **{"scale_weights": "1,2,3", "consistency": 0.5, "price": 0.5, "single_scale_steps": 1},
    **{"sequential": True},
}
PARTS: dict[str, object] = {
    **{"mosaic": 0.5, "flip": 0.2, "scale": 0.1, "translate": 0.3, "hue": 0.2, "saturation": 0.2},
    **{"value": 0.1, "mix_up": 0.5, "copy_paste": 0.5, "least_area": 0.3},
}
NOT_IN_SETTINGS = {
    # of the network and of files, below
    *("width", "depth", "weights", "tree", "backbone_weights", "anchors", "fit", "fusion"),
    *("scales", "backbone", "classification_data"),
    # they change steps, sizes, or nothing of what is learnt
    *("epochs", "size_range", "strict", "validate_every", "draw_batches", "tensorboard"),
    *("workers", "replace"),
    "focal_alpha",  # with a focal loss
    "assumed_iou",  # with the loss joint
    *("by_class", "cfg"),
}


def _settings(network: str = "yolov3-tiny", **options: object) -> TrainingSettings:
    return Training(network=network, options=fill(TrainOptions, options)).settings_for(700)


def test_every_option_is_looked_at() -> None:
    known = {*OF_SETTINGS, *OF_PAPER, *OF_SCALES, *PARTS, *NOT_IN_SETTINGS}
    assert known == set(options_of(TrainOptions))


@pytest.mark.parametrize(
    ("network", "base", "option", "value"),
    [
        *(("yolov3-tiny", {}, *one) for one in OF_SETTINGS.items()),
        *(("multiscale", {}, *one) for one in OF_SCALES.items()),
        *(("yolov3-tiny", {"augment": "light"}, *one) for one in PARTS.items()),
        *(("yolov3-tiny", {"loss": "paper"}, *one) for one in OF_PAPER.items()),
        ("yolo9000", {"loss": "joint"}, "assumed_iou", 0.5),
        ("yolov3-tiny", {"focal_gamma": 2}, "focal_alpha", 0.5),
    ],
)
def test_a_change_of_settings_names_its_option(
    network: str, base: dict[str, object], option: str, value: object
) -> None:
    before, after = _settings(network, **base), _settings(network, **base, **{option: value})
    with spelling(lambda name: f"--{name}"):
        (said,) = _changes(before, after)
        (back,) = _changes(after, before)
    for one in (said, back):
        assert one.split(" ")[0] == f"--{option}"
        assert one.endswith((" now", " has changed"))


CONFIG = NetworkConfig(name="multiscale", classes=("a", "b"))
PROVENANCE = Provenance(data_sha256="ab")


@pytest.mark.parametrize(
    ("before", "change", "said"),
    [
        (CONFIG, {"width": 0.5}, "width was 1.0 and is 0.5 now"),
        (CONFIG, {"depth": 0.5}, "depth was 1.0 and is 0.5 now"),
        (CONFIG, {"anchors": ((1.0, 2.0),)}, "anchors has changed"),
        (CONFIG, {"letterbox": False}, "fit has changed"),
        (CONFIG, {"tree": (-1, 0)}, "tree has changed"),
        (CONFIG, {"classes": ("a", "c")}, "the data have other classes"),
        (CONFIG, {"multiscale": MultiscaleConfig(scales=(0.5, 1.0))}, "scales has changed"),
        (CONFIG, {"multiscale": MultiscaleConfig(backbones=("resnet18",))}, "backbone has changed"),
        (PROVENANCE, {"data_sha256": "cd", "data": "other"}, "data has changed"),
        (PROVENANCE, {"weights_sha256": "cd"}, "weights has changed"),
        (PROVENANCE, {"backbone_sha256": "cd"}, "backbone_weights has changed"),
        (PROVENANCE, {"classified_sha256": "cd"}, "classification_data has changed"),
        (PROVENANCE, {"cfg_sha256": "cd"}, "cfg has changed"),
        (CONFIG, {"multiscale": MultiscaleConfig(by_class=True)}, "by_class has changed"),
        (PROVENANCE, {"trainer": 99}, "sizewise itself draws other images since then"),
    ],
)
def test_a_change_of_the_network_or_of_a_file_names_its_option(
    before: Any, change: dict[str, object], said: str
) -> None:
    assert list(_changes(before, replace(before, **change))) == [said]
    assert list(_changes(before, before)) == []


def test_cores_and_names_are_no_changes() -> None:
    settings = _settings()
    before = replace(PROVENANCE, settings=settings, data="one")
    after = replace(PROVENANCE, settings=replace(settings, threads=64), data="two")
    assert list(_changes(before, after)) == []
