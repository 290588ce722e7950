"""YOLO9000 (Redmon and Farhadi 2017, §4), after ``yolo9000.cfg``: 9,418 classes in a tree."""

from __future__ import annotations

from torch import Tensor

from netzoo.backbones.darknet19 import Darknet19
from netzoo.decoding.classes import Exclusive
from netzoo.hierarchy import Hierarchical
from netzoo.networks.yolov2 import region_design
from netzoo.tasks.wordtree import WordTree
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, NetworkEntry
from sizewise.core.specs import Size

DESIGN = region_design((0.77871, 1.14074), (3.00525, 4.31277), (9.22725, 9.61974))


class YOLO9000(AnchorDetector):
    """Darknet-19 and a head, with three anchors so that the output stays small.

    Without a tree in ``config`` all classes are roots: one softmax.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, DESIGN)
        self.class_rule = Hierarchical(WordTree(config.tree)) if config.tree else Exclusive()
        self.backbone = Darknet19(config.width, config.depth)
        self.head = self.make_head(self.backbone.channels[-1])

    def forward(self, images: Tensor) -> list[Tensor]:
        return [self.head(self.backbone(images)[-1])]


NETWORKS = (
    NetworkEntry(
        name="yolo9000",
        task="detection",
        size=Size(544, 544),
        classes=9418,
        design=DESIGN,
        losses=("dense", "paper", "joint"),
        tree=True,
        build=YOLO9000,
    ),
)
