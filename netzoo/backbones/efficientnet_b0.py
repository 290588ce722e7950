"""EfficientNet-B0 without its last convolution and classifier (Tan and Le 2019, EfficientNet)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from netzoo.backbones._base import BackboneEntry
from netzoo.backbones._imagenet import ImageNetBackbone, initialise
from netzoo.blocks import scaled_channels, scaled_repeats

STEM = 32
STAGES = (
    *((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3)),
    *((6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)),
)
"""Expansion, kernel, stride, channels and repeats of each stage (table 1)."""
TAPPED = (1, 2, 4, 6)
"""The last stages of their strides: 4, 8, 16 and 32."""


class SqueezeExcite(nn.Module):
    """Squeeze and excitation: a factor 0–1 for each channel, from all means (Hu et al. 2018)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.conv_reduce = nn.Conv2d(channels, hidden, 1)
        self.conv_expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.silu(self.conv_reduce(x.mean((2, 3), keepdim=True)))
        weight: Tensor = self.conv_expand(hidden).sigmoid()
        return x * weight


class InvertedResidual(nn.Module):
    """MBConv: expand, convolve depthwise, weigh, project (Sandler et al. 2018, figure 4).
    The squeeze is to a quarter of what comes in."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.skip = stride == 1 and inputs == outputs
        self.conv_pw = nn.Conv2d(inputs, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv_dw = _depthwise(hidden, kernel, stride)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.se = SqueezeExcite(hidden, inputs // 4)
        self.conv_pwl = nn.Conv2d(hidden, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.silu(self.bn1(self.conv_pw(x)))
        hidden = self.se(functional.silu(self.bn2(self.conv_dw(hidden))))
        result: Tensor = self.bn3(self.conv_pwl(hidden))
        return x + result if self.skip else result


class DepthwiseSeparable(nn.Module):
    """MBConv without the expansion."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.skip = stride == 1 and inputs == outputs
        self.conv_dw = _depthwise(inputs, kernel, stride)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.se = SqueezeExcite(inputs, inputs // 4)
        self.conv_pw = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.se(functional.silu(self.bn1(self.conv_dw(x))))
        result: Tensor = self.bn2(self.conv_pw(hidden))
        return x + result if self.skip else result


class EfficientNet(ImageNetBackbone):
    """A stem of stride 2 and seven stages.

    [B, 3, H, W] → [B, 24, H/4, W/4], [B, 40, H/8, W/8], [B, 112, H/16, W/16],
    [B, 320, H/32, W/32] at width 1.
    """

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        inputs = scaled_channels(STEM, width)
        self.conv_stem = nn.Conv2d(3, inputs, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.blocks = nn.Sequential()
        outputs = [scaled_channels(channels, width) for _, _, _, channels, _ in STAGES]
        self.channels = [outputs[stage] for stage in TAPPED]
        for (expansion, kernel, stride, _, repeats), channels in zip(STAGES, outputs, strict=True):
            stage = nn.Sequential()
            for i in range(scaled_repeats(repeats, depth)):
                step = 1 if i else stride
                stage.append(_block(inputs, channels, kernel, step, expansion))
                inputs = channels
            self.blocks.append(stage)
        initialise(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [functional.silu(self.bn1(self.conv_stem(images)))]
        for stage in self.blocks:
            features.append(stage(features[-1]))
        return [features[1 + stage] for stage in TAPPED]


def _block(inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> nn.Module:
    if expansion == 1:
        return DepthwiseSeparable(inputs, outputs, kernel, stride)
    return InvertedResidual(inputs, outputs, kernel, stride, expansion)


def _depthwise(channels: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)


BACKBONES = (
    BackboneEntry(
        name="efficientnet_b0", build=EfficientNet, ignored=("conv_head", "bn2", "classifier")
    ),
)
