"""Attention-based scale integration: at every position, the scales attend to one another."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from netzoo.fusions._registry import Fusion, FusionEntry


class Absi(Fusion):
    """Scale importance, cross-scale attention, weighted sum, projection, residual with 1×.

    With queries q, keys k and values v of each scale (1×1 convolutions of their own), scale i takes
    softmax over j of q_i·k_j / √C from v_j (one head of Vaswani et al. 2017, §3.2.1, over the N
    scales of one position), and an importance w_i, predicted from the means of all maps, says how
    much of it gets into the sum Σ w_i Σ a_ij v_j = Σ (Σ w_i a_ij) v_j. Only the right-hand side is
    computed, on [B, C, H, W] throughout: no position becomes a sequence, and the cost is O(N·C²)
    per position for the convolutions and O(N²·C) for the attention.
    """

    def __init__(self, channels: int, scales: int, reference: int) -> None:
        super().__init__()
        self.reference = reference
        self.importance = nn.Conv2d(scales * channels, scales, 1)
        self.queries = _projections(channels, scales)
        self.keys = _projections(channels, scales)
        self.values = _projections(channels, scales)
        self.projection: nn.Module = nn.Conv2d(channels, channels, 1)
        dot = torch.full((1, channels, 1, 1), channels**-0.5)
        self.register_buffer("dot", dot, persistent=False)
        self.dot: Tensor

    def forward(self, maps: Sequence[Tensor], weights: Tensor | None = None) -> Tensor:
        del weights
        shares = self._shares(maps)
        values = [value(each) for value, each in zip(self.values, maps, strict=True)]
        parts = [shares[:, place : place + 1] * value for place, value in enumerate(values)]
        taken = functools.reduce(torch.add, parts)
        merged: Tensor = self.projection(taken) + maps[self.reference]
        return merged

    def _shares(self, maps: Sequence[Tensor]) -> Tensor:
        """The weight of each scale's value: [B, N, H, W], which add up to 1."""
        importance = self.weigh(maps)
        keys = [key(each) for key, each in zip(self.keys, maps, strict=True)]
        shares = [
            importance[:, place : place + 1] * self._attention(query(each), keys)
            for place, (query, each) in enumerate(zip(self.queries, maps, strict=True))
        ]
        return functools.reduce(torch.add, shares)

    def _attention(self, query: Tensor, keys: Sequence[Tensor]) -> Tensor:
        """The attention of a scale to each: [B, N, H, W], which add up to 1.

        A convolution with equal weights is the fastest sum over channels in every compiler.
        """
        scores = [functional.conv2d(query * key, self.dot) for key in keys]
        return torch.cat(scores, 1).softmax(1)

    def weigh(self, maps: Sequence[Tensor]) -> Tensor:
        """The importance of each scale, [B, N, 1, 1], which add up to 1."""
        means = torch.cat([each.mean((2, 3), keepdim=True) for each in maps], 1)
        return torch.as_tensor(self.importance(means)).softmax(1)

    def fold(self) -> None:
        """Fold the projection into the values, for deployment.

        Both are linear, one after the other. As the weights of a position add up to 1, the bias may
        go with each value.
        """
        if not isinstance(self.projection, nn.Conv2d):
            return
        kernel = self.projection.weight.flatten(1)
        with torch.no_grad():
            for value in self.values:
                folded = kernel @ value.get_parameter("weight").flatten(1)
                bias = kernel @ value.get_parameter("bias")
                value.get_parameter("weight").copy_(folded[..., None, None])
                value.get_parameter("bias").copy_(bias + self.projection.get_parameter("bias"))
        self.projection = nn.Identity()


def _projections(channels: int, scales: int) -> nn.ModuleList:
    return nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(scales))


FUSIONS = (FusionEntry(name="absi", build=Absi),)
