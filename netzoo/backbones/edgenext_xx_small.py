"""EdgeNeXt-XXS without its classifier (Maaz et al. 2022, table 1)."""

from __future__ import annotations

from torch import Tensor, nn

from netzoo.backbones._base import BackboneEntry
from netzoo.backbones._edgenext import ChannelNorm, ConvEncoder, SplitEncoder
from netzoo.backbones._imagenet import ImageNetBackbone, initialise
from netzoo.blocks import scaled_channels, scaled_repeats

CHANNELS = (24, 48, 88, 168)
REPEATS = (2, 2, 6, 2)
KERNELS = (3, 5, 7, 9)
GROUPS = (0, 2, 3, 4)
"""Groups of channels in the last block of each stage, an SDTA encoder; the first has none."""


class Stage(nn.Module):
    """[B, inputs, H, W] → [B, outputs, H/2, W/2]; the first one, whose patches are the network's,
    takes these."""

    def __init__(self, blocks: list[nn.Module], channels: int, inputs: int) -> None:
        super().__init__()
        self.downsample = (
            nn.Sequential(ChannelNorm(inputs), nn.Conv2d(inputs, channels, 2, 2))
            if inputs
            else nn.Identity()
        )
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.blocks(self.downsample(x))
        return result


class EdgeNeXt(ImageNetBackbone):
    """Patches of 4×4 and four stages (table 1, XX-Small).

    [B, 3, H, W] → [B, 24, H/4, W/4], [B, 48, H/8, W/8], [B, 88, H/16, W/16],
    [B, 168, H/32, W/32] at width 1.
    """

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        self.channels = [scaled_channels(channels, width) for channels in CHANNELS]
        self.stem = nn.Sequential(
            nn.Conv2d(3, self.channels[0], 4, 4), ChannelNorm(self.channels[0])
        )
        self.stages = nn.Sequential()
        for number, channels in enumerate(self.channels):
            blocks = _blocks(number, channels, scaled_repeats(REPEATS[number], depth))
            self.stages.append(Stage(blocks, channels, self.channels[number - 1] if number else 0))
        initialise(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [self.stem(images)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features[1:]


def _blocks(stage: int, channels: int, repeats: int) -> list[nn.Module]:
    """The last one is an SDTA encoder, but in the first stage; only the first of these encodes
    positions (§3.1)."""
    attending = 1 if GROUPS[stage] else 0
    blocks: list[nn.Module] = [
        ConvEncoder(channels, KERNELS[stage]) for _ in range(repeats - attending)
    ]
    if attending:
        blocks.append(SplitEncoder(channels, GROUPS[stage], encode=stage == 1))
    return blocks


BACKBONES = (BackboneEntry(name="edgenext_xx_small", build=EdgeNeXt, ignored=("head",)),)
