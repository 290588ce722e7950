"""A Swin Transformer: Liu et al., "Hierarchical Vision Transformer using Shifted Windows", 2021."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WINDOW, PATCH = 4, 4


def split(cells: Tensor) -> Tensor:
    """Windows [B·windows, cells of one, C] of a map [B, rows, columns, C]."""
    batch, rows, columns, width = cells.shape
    cells = cells.view(batch, rows // WINDOW, WINDOW, columns // WINDOW, WINDOW, width)
    return cells.permute(0, 1, 3, 2, 4, 5).reshape(-1, WINDOW * WINDOW, width)


class WindowAttention(nn.Module):
    """Attention within windows, with a bias by relative position (section 3.2, equation 4)."""

    index: Tensor

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.bias = nn.Parameter(torch.randn((2 * WINDOW - 1) ** 2, heads))
        places = torch.cartesian_prod(torch.arange(WINDOW), torch.arange(WINDOW))
        apart = places[:, None] - places[None] + WINDOW - 1
        self.register_buffer("index", apart[..., 0] * (2 * WINDOW - 1) + apart[..., 1])

    def forward(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        count, cells, width = windows.shape
        parts = self.qkv(windows).reshape(count, cells, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        bias = self.bias[self.index].permute(2, 0, 1)[None]
        if mask is not None:
            bias = bias + mask.repeat(count // mask.shape[0], 1, 1)[:, None]
        found = functional.scaled_dot_product_attention(query, key, value, bias)
        result: Tensor = self.out(found.transpose(1, 2).reshape(count, cells, width))
        return result


class SwinBlock(nn.Module):
    """Two successive blocks differ in ``shift`` (section 3.2, figure 3)."""

    def __init__(self, width: int, shift: int) -> None:
        super().__init__()
        self.shift = shift
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = WindowAttention(width, 2)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, cells: Tensor) -> Tensor:
        cells = cells + self.attend(self.first(cells))
        result: Tensor = cells + self.mlp(self.second(cells))
        return result

    def attend(self, cells: Tensor) -> Tensor:
        rows, columns = cells.shape[1:3]
        moved = torch.roll(cells, (-self.shift, -self.shift), (1, 2)) if self.shift else cells
        mask = self.mask(rows, columns) if self.shift else None
        found = self.join(self.attention(split(moved), mask), cells)
        return torch.roll(found, (self.shift, self.shift), (1, 2)) if self.shift else found

    def join(self, windows: Tensor, cells: Tensor) -> Tensor:
        """The map of the windows, in the shape of ``cells``."""
        batch, rows, columns, width = cells.shape
        joined = windows.view(batch, rows // WINDOW, columns // WINDOW, WINDOW, WINDOW, width)
        return joined.permute(0, 1, 3, 2, 4, 5).reshape(batch, rows, columns, width)

    def mask(self, rows: int, columns: int) -> Tensor:
        """−100 between cells that the shift brought together from apart (figure 4)."""
        down, across = self.region(rows), self.region(columns)
        regions = split((3 * down[:, None] + across)[None, ..., None]).squeeze(-1)
        return (regions[:, None] != regions[..., None]) * -100.0

    def region(self, count: int) -> Tensor:
        places = torch.arange(count)
        return (places >= count - WINDOW).long() + (places >= count - self.shift)


class JoinsByDivision(SwinBlock):
    """As the published code joins windows: the batch is a quotient."""

    def join(self, windows: Tensor, cells: Tensor) -> Tensor:
        rows, columns = cells.shape[1:3]
        batch = int(windows.shape[0] / (rows * columns / WINDOW / WINDOW))
        joined = windows.view(batch, rows // WINDOW, columns // WINDOW, WINDOW, WINDOW, -1)
        return joined.permute(0, 1, 3, 2, 4, 5).reshape(batch, rows, columns, -1)


class PadsToWindows(SwinBlock):
    """As the published code for detection: maps are filled up to whole windows."""

    def attend(self, cells: Tensor) -> Tensor:
        rows, columns = cells.shape[1:3]
        whole = [-(-side // WINDOW) * WINDOW for side in (rows, columns)]
        padded = functional.pad(cells, (0, 0, 0, whole[1] - columns, 0, whole[0] - rows))
        return super().attend(padded)[:, :rows, :columns]


class PadsWhereNeeded(SwinBlock):
    """Asks first whether there is anything to fill up."""

    def attend(self, cells: Tensor) -> Tensor:
        rows, columns = cells.shape[1:3]
        below, right = -rows % WINDOW, -columns % WINDOW
        if below or right:
            cells = functional.pad(cells, (0, 0, 0, right, 0, below))
        return super().attend(cells)[:, :rows, :columns]


class Merging(nn.Module):
    """Patch merging: four neighbours become one cell (section 3.1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.reduce = nn.LayerNorm(4 * width), nn.Linear(4 * width, 2 * width)

    def forward(self, cells: Tensor) -> Tensor:
        four = [cells[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        result: Tensor = self.reduce(self.norm(torch.cat(four, -1)))
        return result


class Swin(nn.Module):
    """Section 3.1: stages of blocks, there four, with a merging after each."""

    def __init__(
        self,
        block: type[SwinBlock] = SwinBlock,
        stages: int = 1,
        shifts: tuple[int, ...] = (0, WINDOW // 2),
    ) -> None:
        super().__init__()
        widths = [8 * 2**stage for stage in range(stages + 1)]
        self.patches = nn.Conv2d(3, widths[0], PATCH, PATCH)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(*(block(width, shift) for shift in shifts), Merging(width))
                for width in widths[:-1]
            )
        )
        self.norm, self.head = nn.LayerNorm(widths[-1]), nn.Linear(widths[-1], 5)

    def forward(self, images: Tensor) -> Tensor:
        cells = self.norm(self.stages(self.patches(images).permute(0, 2, 3, 1)))
        result: Tensor = self.head(cells.mean((1, 2)))
        return result
