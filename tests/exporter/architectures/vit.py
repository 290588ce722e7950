"""A Vision Transformer: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH, HEADS, GRID, PATCH = 16, 2, 6, 8


class Attention(nn.Module):
    """Several heads, appendix A."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        parts = self.qkv(tokens).reshape(batch, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        found = functional.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.out(found.transpose(1, 2).reshape(batch, count, width))
        return result


class Block(nn.Module):
    """Equations 2 and 3 of section 3.1: norms come first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.first(tokens))
        result: Tensor = tokens + self.mlp(self.second(tokens))
        return result


class VisionTransformer(nn.Module):
    """Section 3.1, with the position embeddings resized to the image's grid (section 3.2)."""

    def __init__(self, depth: int = 1) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.randn(1, GRID * GRID + 1, WIDTH))
        self.blocks = nn.Sequential(*(Block(WIDTH, HEADS) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 5)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images)
        positions = self.resized(patches)
        tokens = patches.flatten(2).transpose(1, 2) + positions.flatten(2).transpose(1, 2)
        token = (self.token + self.positions[:, :1]).expand(images.shape[0], -1, -1)
        found = self.norm(self.blocks(torch.cat((token, tokens), 1)))
        result: Tensor = self.head(found[:, 0])
        return result

    def grid(self) -> Tensor:
        return self.positions[:, 1:].transpose(1, 2).reshape(1, WIDTH, GRID, GRID)

    def resized(self, patches: Tensor) -> Tensor:
        """The position embeddings [1, width, rows, columns] of the patches."""
        rows, columns = patches.shape[2:]
        return functional.interpolate(self.grid(), size=(rows, columns), mode="bicubic")


class ResizedByFactor(VisionTransformer):
    """As the code of DINO (Caron et al., ICCV 2021) resizes them: by factors that are floats."""

    def resized(self, patches: Tensor) -> Tensor:
        rows, columns = patches.shape[2:]
        factors = ((rows + 0.1) / GRID, (columns + 0.1) / GRID)
        return functional.interpolate(self.grid(), scale_factor=factors, mode="bicubic")


class SquareFromCount(VisionTransformer):
    """Takes the grid for a square, and its side for the root of the number of patches."""

    def resized(self, patches: Tensor) -> Tensor:
        side = int(patches.flatten(2).shape[2] ** 0.5)
        resized = functional.interpolate(self.grid(), size=(side, side), mode="bicubic")
        return functional.interpolate(resized, size=patches.shape[2:])
