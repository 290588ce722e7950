"""Pyramid vision transformers (Wang et al. 2022, PVT v2: Improved Baselines with Pyramid Vision
Transformer). Inside a stage channels come last: [B, H, W, C]."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from netzoo.backbones._imagenet import ImageNetBackbone, initialise
from netzoo.blocks import scaled_channels, scaled_repeats

HEADS = (1, 2, 5, 8)
REDUCTIONS = (8, 4, 2, 1)
EXPANSIONS = (8, 8, 4, 4)
CLASSIFIER = ("head",)
EPSILON = 1e-6
"""Epsilon of the blocks' LayerNorms; the others have PyTorch's own."""


class OverlappingPatches(nn.Module):
    """Patches that overlap by about half of their side (§3.2): [B, inputs, H, W] →
    [B, H / stride, W / stride, outputs]."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm(self.proj(x).permute(0, 2, 3, 1))
        return result


class ReducedAttention(nn.Module):
    """Attention with keys and values reduced to one per ``reduction``² positions (PVT, §3.3)."""

    def __init__(self, channels: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.reduction = reduction
        self.scale = (channels // heads) ** -0.5
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)
        if reduction > 1:
            self.sr = nn.Conv2d(channels, channels, reduction, reduction)
            self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        key, value = self.kv(self._reduced(x)).chunk(2, -1)
        # As PyTorch's scaled_dot_product_attention, of whose form ONNX makes three times the nodes.
        key = self._split(key).permute(0, 2, 3, 1) * self.scale
        attention = (self._split(self.q(x)).transpose(1, 2) @ key).softmax(-1)
        mixed = attention @ self._split(value).transpose(1, 2)
        result: Tensor = self.proj(mixed.transpose(1, 2).reshape(x.shape))
        return result

    def _reduced(self, x: Tensor) -> Tensor:
        if self.reduction == 1:
            return x
        reduced: Tensor = self.norm(self.sr(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        return reduced

    def _split(self, x: Tensor) -> Tensor:
        """Split the heads: [B, H, W, C] → [B, H·W, heads, C / heads]."""
        batch, height, width, channels = x.shape
        return x.reshape(batch, height * width, self.heads, channels // self.heads)


class ConvolutionalMLP(nn.Module):
    """An MLP with a depthwise 3×3 convolution that distinguishes positions (§3.3)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.dwconv = nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.dwconv(self.fc1(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        result: Tensor = self.fc2(functional.gelu(hidden))
        return result


class Block(nn.Module):
    """Attention, then an MLP, each normalised before and added to its input."""

    def __init__(self, channels: int, heads: int, reduction: int, expansion: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, EPSILON)
        self.attn = ReducedAttention(channels, heads, reduction)
        self.norm2 = nn.LayerNorm(channels, EPSILON)
        self.mlp = ConvolutionalMLP(channels, channels * expansion)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        result: Tensor = x + self.mlp(self.norm2(x))
        return result


class Stage(nn.Module):
    """[B, inputs, H, W] → [B, outputs, H/2, W/2]; the first one, whose patches are the network's,
    takes these."""

    def __init__(self, blocks: Sequence[Block], channels: int, inputs: int = 0) -> None:
        super().__init__()
        self.downsample = OverlappingPatches(inputs, channels, 3, 2) if inputs else nn.Identity()
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(channels, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm(self.blocks(self.downsample(x))).permute(0, 3, 1, 2)
        return result


class PVTv2(ImageNetBackbone):
    """Four stages (table 1); ``head`` is the channels of a head, which ``width`` scales, so that
    they stay divisible by the heads.

    [B, 3, H, W] → the stages' outputs at strides 4, 8, 16, 32; ``channels`` are theirs.
    """

    def __init__(
        self, head: int, repeats: Sequence[int], width: float = 1.0, depth: float = 1.0
    ) -> None:
        super().__init__()
        self.channels = [heads * scaled_channels(head, width) for heads in HEADS]
        self.patch_embed = OverlappingPatches(3, self.channels[0], 7, 4)
        self.stages = nn.Sequential(
            *(
                Stage(
                    [Block(channels, *design) for _ in range(scaled_repeats(count, depth))],
                    channels,
                    inputs,
                )
                for count, channels, inputs, *design in zip(
                    *(repeats, self.channels, [0, *self.channels[:-1]]),
                    *(HEADS, REDUCTIONS, EXPANSIONS),
                    strict=True,
                )
            )
        )
        initialise(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [self.patch_embed(images)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features[1:]
