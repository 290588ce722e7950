"""A detector's heads as sections of a Darknet configuration file."""

from __future__ import annotations

from collections.abc import Iterable

from netzoo.decoding.boxes import BOX_RULES
from netzoo.weights.cfg import CELL
from netzoo.zoo.network import AnchorDetector
from sizewise.core.errors import ExportError
from sizewise.core.options.declared import spelled

REGION = "region"
TREE_FILE = "{}.tree"
"""The name of the file with the tree of classes, by the stem of the others."""


def head_values(network: AnchorDetector, number: int) -> tuple[str, dict[str, object]]:
    """The kind of a head's section, and its values. Raises ExportError where Darknet can't decode
    it as it was trained."""
    if network.design.paper == REGION:
        return REGION, _region(network)
    rule = BOX_RULES[network.decoding]
    values: dict[str, object] = {
        "mask": listed(network.masks[number]),
        "anchors": listed(side for anchor in network.config.anchors for side in anchor),
        "classes": len(network.config.classes),
        "num": len(network.config.anchors),
    }
    if (reach := rule.reach(network.strides[number])) != 1:
        values["scale_x_y"] = reach
    if network.decoding == "scaled":
        values["new_coords"] = 1
    return "yolo", values


def _region(network: AnchorDetector) -> dict[str, object]:
    if network.decoding != network.design.decoding:
        raise ExportError(
            f"{network.config.name} can't be written as a Darknet file",
            f"it was trained for the decoding {network.decoding}, and Darknet's [region] has only "
            "that of YOLOv2",
            f"Train it with {spelled('loss')} paper, or export it to ONNX.",
        )
    config = network.config
    values: dict[str, object] = {
        "anchors": listed(side / CELL for anchor in config.anchors for side in anchor),
        "classes": len(config.classes),
        "coords": 4,
        "num": len(config.anchors),
        "softmax": 1,
        "bias_match": 1,
    }
    return values | ({"tree": TREE_FILE.format(config.stem)} if config.tree else {})


def listed(numbers: Iterable[float]) -> str:
    """Numbers as Darknet lists them, which are read as the same ones."""
    return ",".join(f"{one:g}" if float(f"{one:g}") == one else repr(one) for one in numbers)
