"""Small modules to export: sound ones, and ones with the mistakes that people make."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sizewise.core.specs import ModelCard

DETECTOR = ModelCard(
    network="mini", task="detection", layout="sizewise", classes=("a", "b", "c"), stride=8
)
SEGMENTER = ModelCard(network="pyramid", task="segmentation", stride=32)
UNKNOWN = ModelCard(network="unknown", stride=32)


def stirred(module: nn.Module) -> nn.Module:
    """With BatchNorms that do something, as after a training."""
    generator = torch.Generator().manual_seed(0)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
                assert tensor is not None
                tensor.uniform_(0.5, 1.5, generator=generator)
    return module


def block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1)
    )


class MiniDetector(nn.Module):
    """Two levels, at strides 4 and 8, one of them fed from the other, with the decode."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(block(3, 8), block(8, 8))
        self.deep = block(8, 8)
        self.head = nn.Conv2d(8, 7, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.stem(images)
        coarse = self.deep(fine)
        merged = fine + functional.interpolate(coarse, scale_factor=2.0)
        levels = [self._decode(self.head(merged), 4), self._decode(self.head(coarse), 8)]
        boxes, scores = zip(*levels, strict=True)
        return torch.cat(boxes, 1), torch.cat(scores, 1)

    def _decode(self, head: Tensor, stride: int) -> tuple[Tensor, Tensor]:
        height, width = head.shape[2:]
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        centre = (head[:, :2].sigmoid() + torch.stack((columns, rows))) * stride
        half = head[:, 2:4].exp() * stride
        boxes = torch.cat((centre - half, centre + half), 1)
        return boxes.flatten(2).transpose(1, 2), head[:, 4:].sigmoid().flatten(2).transpose(1, 2)


class PyramidSegmenter(nn.Module):
    """One backbone at three scales k/2, sized by integer arithmetic, so called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(block(3, 8), nn.Conv2d(8, 4, 3, 1, 1), nn.BatchNorm2d(4))
        self.head = nn.Conv2d(12, 1, 1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        height, width = images.shape[2:]
        scales = []
        for k in (1, 2, 3):
            size = (((height * k + 63) // 64) * 32, ((width * k + 63) // 64) * 32)
            scaled = functional.interpolate(images, size=size, mode="bilinear")
            features = self.backbone(scaled)
            scales.append(functional.interpolate(features, size=(height, width), mode="bilinear"))
        return {"mask_logits": self.head(torch.cat(scales, 1))}


class Conv(nn.Module):
    """What the mistakes below have in common: one convolution of three channels into four."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride, 1)

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.conv(images)
        return result


class BakedResize(Conv):
    """Rounds a scaled size through int(): the example's size becomes a constant."""

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        size = (max(32, int(height * 0.5) // 32 * 32), max(32, int(width * 0.5) // 32 * 32))
        small = functional.interpolate(images, size=size, mode="bilinear")
        return functional.interpolate(super().forward(small), size=(height, width))


class FixedGrid(nn.Module):
    """The head of a YOLOv2 that knows its grid: right at ``cells`` × 32 pixels alone."""

    def __init__(self, cells: int) -> None:
        super().__init__()
        self.cells = cells
        self.conv = nn.Conv2d(3, 125, 3, 32, 1)

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.conv(images)
        return result.view(-1, self.cells, self.cells, 5, 25)


class FixedBatch(Conv):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).view(2, 4, -1)


class FixedHeight(Conv):
    """Asks for the height as a plain number: torch then takes it for one."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * int(images.shape[2])


class FixedMask(Conv):
    """Its mask has the example's size, whatever the image's."""

    def forward(self, images: Tensor) -> Tensor:
        return functional.interpolate(super().forward(images)[:, :1], size=(64, 96))


class FixedBuffer(Conv):
    """Adds a map of positions that was cut to the largest size foreseen."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.rand(1, 4, 224, 224))

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        return super().forward(images) + self.positions[:, :, :height, :width]


class DataDependent(Conv):
    def forward(self, images: Tensor) -> Tensor:
        found = super().forward(images)
        if found.sum() > 0:
            return found
        return -found


class TwoBranches(Conv):
    """Does one thing at multiples of 64 and another elsewhere."""

    def forward(self, images: Tensor) -> Tensor:
        found = super().forward(images)
        return found if images.shape[2] % 64 == 0 else found + 1


class Bessel(Conv):
    """An operator that ONNX lacks."""

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = torch.special.bessel_j0(super().forward(images))
        return result


class Blind(Conv):
    """Sees next to nothing of its image, as a deep network with random weights."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * 1e-7 + 1
