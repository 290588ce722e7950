"""From a module to a table of what its engines cost (docs/python.md explains it)."""

import torch
from torch import nn

import sizewise as sw


class Detector(nn.Module):
    """Boxes and scores of one candidate per 8×8 cell: yours goes here."""

    stride, classes = 8, ("thing",)

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 5, kernel_size=8, stride=8)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cells = self.head(images).flatten(2).transpose(1, 2)
        return cells[..., :4], cells[..., 4:].sigmoid()


exported = sw.export(Detector(), out="runs/mine", layout="sizewise")  # equal at other sizes, too
sweep = sw.bench(exported, out="runs/mine", sizes="64,96", backends="onnxruntime", rigor="quick")
frame = sw.load(sweep.results)
print(frame[["strategy", "size", "latency_ms", "latency_low_ms", "latency_high_ms", "peak_mib"]])
