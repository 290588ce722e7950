"""A network like RepVGG: Ding et al., "Making VGG-style ConvNets Great Again", CVPR 2021."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class RepBlock(nn.Module):
    """Section 3.2: 3×3, 1×1 and, where shapes allow, identity, each with its norm."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.three = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.one = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(outputs) for _ in range(2))
        same = stride == 1 and inputs == outputs
        self.identity = nn.BatchNorm2d(outputs) if same else None

    def forward(self, maps: Tensor) -> Tensor:
        found = self.norms[0](self.three(maps)) + self.norms[1](self.one(maps))
        if self.identity is not None:
            found = found + self.identity(maps)
        return functional.relu(found)

    def merged(self) -> nn.Sequential:
        """One convolution of 3×3 that computes the same (section 3.3)."""
        kernels = [self.three.weight, functional.pad(self.one.weight, (1, 1, 1, 1))]
        norms: list[Any] = [*self.norms]
        if self.identity is not None:
            kernels.append(
                functional.pad(torch.eye(len(kernels[0]))[..., None, None], (1, 1, 1, 1))
            )
            norms.append(self.identity)
        inputs, outputs = kernels[0].shape[1], kernels[0].shape[0]
        merged = nn.Conv2d(inputs, outputs, 3, self.stride, 1)
        weight, bias = torch.zeros_like(kernels[0]), torch.zeros(outputs)
        for kernel, norm in zip(kernels, norms, strict=True):
            mean, variance = norm.running_mean, norm.running_var
            assert mean is not None
            assert variance is not None
            scale = norm.weight / (variance + norm.eps).sqrt()
            weight = weight + kernel * scale[:, None, None, None]
            bias = bias + norm.bias - mean * scale
        merged.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
        return nn.Sequential(merged, nn.ReLU())


class RepVgg(nn.Module):
    """Table 2: stages, there five, each of which halves and has ``depth`` blocks."""

    def __init__(self, widths: tuple[int, ...] = (4,), depth: int = 2) -> None:
        super().__init__()
        blocks = []
        for inputs, outputs in zip((3, *widths), widths, strict=False):
            blocks.append(RepBlock(inputs, outputs, 2))
            blocks += [RepBlock(outputs, outputs) for _ in range(depth - 1)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(widths[-1], 5)

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.head(self.blocks(images).mean((2, 3)))
        return result

    def deployed(self) -> RepVgg:
        """The same network, every block one convolution."""
        self.blocks = nn.Sequential(*(one.merged() for one in self.blocks))  # type: ignore[operator]
        return self
