"""A network like HRNet: Wang et al., "Deep High-Resolution Representation Learning", PAMI 2020."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
    )


class Basic(nn.Module):
    """The residual block of He et al., CVPR 2016."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = convolution(width, width), convolution(width, width)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(maps + self.second(functional.relu(self.first(maps))))


class Fusion(nn.Module):
    """Section 3.3: each stream receives all others, by strided convolutions or by resizing."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.ways = nn.ModuleList(
            nn.ModuleList(self.way(widths, source, target) for source in range(len(widths)))
            for target in range(len(widths))
        )

    def forward(self, streams: list[Tensor]) -> list[Tensor]:
        fused = []
        rows: Any = self.ways
        for place, (target, ways) in enumerate(zip(streams, rows, strict=True)):
            parts = [way(stream) for way, stream in zip(ways, streams, strict=True)]
            parts[place + 1 :] = [
                functional.interpolate(part, size=target.shape[2:], mode="bilinear")
                for part in parts[place + 1 :]
            ]
            fused.append(functional.relu(sum(parts[1:], parts[0])))
        return fused

    def way(self, widths: tuple[int, ...], source: int, target: int) -> nn.Module:
        if source == target:
            return nn.Identity()
        if source > target:
            return nn.Conv2d(widths[source], widths[target], 1)
        steps: list[nn.Module] = []
        for place in range(source, target):
            outputs = widths[target] if place == target - 1 else widths[source]
            steps += [convolution(widths[source], outputs, 2), nn.ReLU()]
        return nn.Sequential(*steps[:-1])


class HrNet(nn.Module):
    """Figure 2 with a stream for each of ``widths``, and the head of HRNetV2 (figure 4b)."""

    def __init__(self, widths: tuple[int, ...] = (4, 6)) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            convolution(3, widths[0], 2), convolution(widths[0], widths[0], 2)
        )
        self.starts, self.blocks, self.fusions = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for count in range(2, len(widths) + 1):
            self.starts.append(convolution(widths[count - 2], widths[count - 1], 2))
            self.blocks.append(nn.ModuleList(Basic(width) for width in widths[:count]))
            self.fusions.append(Fusion(widths[:count]))
        self.head = nn.Conv2d(sum(widths), 3, 1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        streams = [functional.relu(self.stem(images))]
        stages: Any = zip(self.starts, self.blocks, self.fusions, strict=True)
        for start, blocks, fusion in stages:
            streams.append(functional.relu(start(streams[-1])))
            found = [block(one) for block, one in zip(blocks, streams, strict=True)]
            streams = list(fusion(found))
        first, *rest = streams
        grown = [functional.interpolate(one, size=first.shape[2:], mode="bilinear") for one in rest]
        logits = self.head(torch.cat((first, *grown), 1))
        return {"out": functional.interpolate(logits, size=images.shape[2:], mode="bilinear")}
