"""A decoder as DETR has it: Carion et al., "End-to-End Object Detection", ECCV 2020."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH, HEADS, QUERIES = 16, 2, 7


def sines(rows: int, columns: int) -> Tensor:
    """Position encodings [1, rows·columns, width] of both axes (appendix A.4)."""
    half = WIDTH // 2
    rates = 10000 ** (-2 * (torch.arange(half) // 2) / half)
    waves = []
    for count in (rows, columns):
        place = (torch.arange(count) + 1)[:, None] / count * 2 * torch.pi * rates
        waves.append(torch.stack((place[:, 0::2].sin(), place[:, 1::2].cos()), 2).flatten(1))
    down, across = waves
    both = (
        down[:, None].expand(rows, columns, half),
        across[None].expand(rows, columns, half),
    )
    return torch.cat(both, 2).flatten(0, 1)[None]


class Layer(nn.Module):
    """One of the encoder or, with attention to a memory, of the decoder (figure 10)."""

    def __init__(self, *, decodes: bool) -> None:
        super().__init__()
        self.own = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.other = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True) if decodes else None
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 32), nn.ReLU(), nn.Linear(32, WIDTH))

    def forward(
        self,
        values: Tensor,
        places: Tensor,
        memory: Tensor | None = None,
        where: Tensor | None = None,
    ) -> Tensor:
        asking = values + places
        found = self.own(asking, asking, values, need_weights=False)[0]
        values = self.norms[0](values + found)
        if self.other is not None and memory is not None and where is not None:
            asking = values + places
            found = self.other(asking, memory + where, memory, need_weights=False)[0]
            values = self.norms[1](values + found)
        result: Tensor = self.norms[2](values + self.mlp(values))
        return result


class Detr(nn.Module):
    """Figure 2: a backbone, an encoder, a decoder of object queries, and heads on each query."""

    def __init__(self, encoders: int = 0, decoders: int = 1) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(), nn.Conv2d(8, WIDTH, 3, 4, 1)
        )
        self.encoder = nn.ModuleList(Layer(decodes=False) for _ in range(encoders))
        self.decoder = nn.ModuleList(Layer(decodes=True) for _ in range(decoders))
        self.queries = nn.Parameter(torch.randn(1, QUERIES, WIDTH))
        self.classes, self.boxes = nn.Linear(WIDTH, 6), nn.Linear(WIDTH, 4)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps = self.backbone(images)
        where, memory = sines(*maps.shape[2:]), maps.flatten(2).transpose(1, 2)
        for layer in self.encoder:
            memory = layer(memory, where)
        queries = self.queries.expand(images.shape[0], -1, -1)
        found = torch.zeros_like(queries)
        for layer in self.decoder:
            found = layer(found, queries, memory, where)
        return {"pred_logits": self.classes(found), "pred_boxes": self.boxes(found).sigmoid()}
