"""Darknet-19 and Darknet-53 as classifiers, after ``darknet19.cfg`` and ``darknet53.cfg``."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from netzoo.backbones.darknet19 import Darknet19
from netzoo.backbones.darknet53 import Darknet53
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, NetworkEntry
from sizewise.core.specs import Size


class Classifier(Network):
    """A classifier, whose only head is the classes' raw numbers [B, C]."""

    output_names = ("scores",)

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, (32,))
        self.pool = nn.AdaptiveAvgPool2d(1)

    def decode(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The output ``scores`` [B, C], which add up to 1."""
        return (heads[0].float().softmax(1),)


class Darknet19Classifier(Classifier):
    """The last convolution, then the mean over all positions."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.backbone = Darknet19(config.width, config.depth)
        self.head = nn.Conv2d(self.backbone.channels[-1], len(config.classes), 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        return [self.pool(self.head(self.backbone(images)[-1])).flatten(1)]


class Darknet53Classifier(Classifier):
    """The mean over all positions, then the last convolution."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.backbone = Darknet53(config.width, config.depth)
        self.head = nn.Conv2d(self.backbone.channels[-1], len(config.classes), 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        return [self.head(self.pool(self.backbone(images)[-1])).flatten(1)]


NETWORKS = (
    NetworkEntry(
        name="darknet19",
        task="classification",
        size=Size(224, 224),
        classes=1000,
        losses=("cross_entropy",),
        build=Darknet19Classifier,
    ),
    NetworkEntry(
        name="darknet53",
        task="classification",
        size=Size(256, 256),
        classes=1000,
        losses=("cross_entropy",),
        build=Darknet53Classifier,
    ),
)
