"""Residual networks (He et al. 2016, Deep Residual Learning for Image Recognition)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from netzoo.backbones._imagenet import ImageNetBackbone, initialise
from netzoo.blocks import scaled_channels, scaled_repeats

PLANES = (64, 128, 256, 512)
STRIDES = (1, 2, 2, 2)
CLASSIFIER = ("fc",)


class BasicBlock(nn.Module):
    """Two 3×3 beside the shortcut (figure 5, left)."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _shortcut(inputs, planes, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(x)))
        result: Tensor = self.relu(self.bn2(self.conv2(inner)) + self.downsample(x))
        return result


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 beside the shortcut (figure 5, right). The stride is in the 3×3: that is
    torchvision's "v1.5", which the published weights are for, and not the paper's."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(x)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        result: Tensor = self.relu(self.bn3(self.conv3(inner)) + self.downsample(x))
        return result


class ResNet(ImageNetBackbone):
    """A stem of stride 4 and four stages (table 1); without the average and the classifier.

    [B, 3, H, W] → the stages' outputs at strides 4, 8, 16, 32; ``channels`` are theirs.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        repeats: Sequence[int],
        width: float = 1.0,
        depth: float = 1.0,
    ) -> None:
        super().__init__()
        planes = [scaled_channels(p, width) for p in PLANES]
        self.channels = [p * block.expansion for p in planes]
        self.conv1 = nn.Conv2d(3, planes[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(planes[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        counts = [scaled_repeats(count, depth) for count in repeats]
        inputs = [planes[0], *self.channels[:-1]]
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _stage(block, *design) for design in zip(inputs, planes, STRIDES, counts, strict=True)
        )
        initialise(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [self.maxpool(self.relu(self.bn1(self.conv1(images))))]
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features.append(stage(features[-1]))
        return features[1:]


def _stage(
    block: type[BasicBlock | Bottleneck], inputs: int, planes: int, stride: int, repeats: int
) -> nn.Sequential:
    first = block(inputs, planes, stride)
    others = (block(planes * block.expansion, planes, 1) for _ in range(repeats - 1))
    return nn.Sequential(first, *others)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The shortcut: the input itself, or its projection where sizes differ (§3.3, option B)."""
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
