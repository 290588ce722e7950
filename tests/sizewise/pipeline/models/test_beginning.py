"""What is said of the weights that a training begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from netzoo.training.pretrained import open_pretrained
from netzoo.weights.checkpoint import Provenance, save_checkpoint
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import build_network, find_network
from sizewise.pipeline.models.beginning import fill_in
from tests.sizewise.pipeline.heard import Heard

OLD = NetworkConfig(name="yolov3-tiny", classes=("cat", "dog", "cow"), width=0.0625)


def _said(path: Path, *classes: str) -> list[str]:
    heard, start = Heard(), open_pretrained(path, find_network(OLD.name))
    network = build_network(start.begin(replace(OLD, classes=classes)))
    fill_in(network, start, None, heard, strict=False)
    return heard.remarks


def test_classes_that_are_taken_by_name_are_said(tmp_path: Path) -> None:
    path = tmp_path / "old.safetensors"
    save_checkpoint(path, build_network(OLD), Provenance())
    fills = f"{path} fills"
    heads = "coarse_head, fine_head"
    assert _said(path, "cow", "bee", "dog", "ant") == [
        f"{fills} 11 of 13 convolutions, and a part of {heads}.",
        "2 of 4 classes taken by name: cow, dog; in the heads, the others start at random.",
    ]
    assert _said(path, "cow", "dog") == [
        f"{fills} 13 of 13 convolutions.",
        "2 of 2 classes taken by name: cow, dog.",
    ]
    assert _said(path, "ant", "bee") == [
        f"{fills} 11 of 13 convolutions; the others start at random: {heads}.",
    ]
    (_, others) = _said(path, "ant", "bee", "elk")
    assert others.startswith("Its heads were trained for other classes (cat, dog, cow): each class")
    assert _said(path, *OLD.classes) == [f"{fills} 13 of 13 convolutions."]
