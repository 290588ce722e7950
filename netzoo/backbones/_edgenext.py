"""The blocks of EdgeNeXt (Maaz et al. 2022, EdgeNeXt: Efficiently Amalgamated CNN-Transformer
Architecture for Mobile Vision Applications)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 4
EXPANSION = 4
EPSILON = 1e-6
"""Epsilon of every LayerNorm, and initial value of the layers' scales."""
WAVES = 32
"""Sines and cosines of the positional encoding per axis."""


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of [B, C, H, W]."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, EPSILON)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - LayerNorm's own name for it
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class MLP(nn.Module):
    """An MLP over the channels: C, 4C, C."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, EXPANSION * channels)
        self.fc2 = nn.Linear(EXPANSION * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return result


class ConvEncoder(nn.Module):
    """A large depthwise convolution, then an MLP at each position (§3.1, equation 2)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), EPSILON))
        self.conv_dw = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = nn.LayerNorm(channels, EPSILON)
        self.mlp = MLP(channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.gamma * self.mlp(self.norm(self.conv_dw(x).permute(0, 2, 3, 1)))
        result: Tensor = x + inner.permute(0, 3, 1, 2)
        return result


class FourierEncoding(nn.Module):
    """The positional encoding, as projected waves of row and column: [B, C, H, W] →
    [1, C, H, W]. Rows and columns are counted from 1 and run to 2π whatever the size is."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.token_projection = nn.Conv2d(2 * WAVES, channels, 1)
        periods = 10000 ** (2 * torch.arange(WAVES // 2) / WAVES)
        self.register_buffer("periods", periods, persistent=False)
        self.periods: Tensor

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        rows = self._waves(height)[:, :, None].expand(-1, -1, width)
        columns = self._waves(width)[:, None, :].expand(-1, height, -1)
        result: Tensor = self.token_projection(torch.cat((rows, columns))[None])
        return result

    def _waves(self, length: int) -> Tensor:
        """The waves [waves, length]: a sine, a cosine, the next sine, …"""
        place = torch.arange(1, length + 1, device=self.periods.device) / (length + EPSILON)
        angles = 2 * math.pi * place / self.periods[:, None]
        return torch.stack((angles.sin(), angles.cos()), 1).flatten(0, 1)


class CrossCovarianceAttention(nn.Module):
    """Attention across channels instead of positions (El-Nouby et al. 2021, XCiT, §3.2):
    [B, H, W, C] → the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(HEADS, 1, 1))
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).flatten(1, 2).unflatten(2, (3, HEADS, -1))  # [B, N, 3, heads, C']
        query, key, value = parts.permute(2, 0, 3, 4, 1).unbind(0)
        query, key = functional.normalize(query, dim=-1), functional.normalize(key, dim=-1)
        attention = (query @ key.transpose(-2, -1) * self.temperature).softmax(-1)
        result: Tensor = self.proj((attention @ value).permute(0, 3, 1, 2).reshape(x.shape))
        return result


class SplitEncoder(nn.Module):
    """Split depthwise transpose attention (SDTA; §3.1, figure 2): 3×3 over groups of channels, each
    with the sum of those before, then attention of the channels and an MLP."""

    def __init__(self, channels: int, groups: int, encode: bool) -> None:
        super().__init__()
        self.group = math.ceil(channels / groups)
        self.gamma_xca = nn.Parameter(torch.full((channels,), EPSILON))
        self.gamma = nn.Parameter(torch.full((channels,), EPSILON))
        self.convs = nn.ModuleList(
            nn.Conv2d(self.group, self.group, 3, padding=1, groups=self.group)
            for _ in range(groups - 1)
        )
        self.pos_embd = FourierEncoding(channels) if encode else None
        self.norm_xca = nn.LayerNorm(channels, EPSILON)
        self.xca = CrossCovarianceAttention(channels)
        self.norm = nn.LayerNorm(channels, EPSILON)
        self.mlp = MLP(channels)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self._convolved(x)
        if self.pos_embd is not None:
            mixed = mixed + self.pos_embd(mixed)
        mixed = mixed.permute(0, 2, 3, 1)
        mixed = mixed + self.gamma_xca * self.xca(self.norm_xca(mixed))
        result: Tensor = x + (self.gamma * self.mlp(self.norm(mixed))).permute(0, 3, 1, 2)
        return result

    def _convolved(self, x: Tensor) -> Tensor:
        first, *others = torch.split(x, self.group, 1)
        done = [self.convs[0](first)]
        for convolution, group in zip(list(self.convs)[1:], others, strict=False):
            done.append(convolution(done[-1] + group))
        return torch.cat((*done, others[-1]), 1)
