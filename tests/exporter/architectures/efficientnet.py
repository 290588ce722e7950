"""An EfficientNet: Tan and Le, "Rethinking Model Scaling", ICML 2019."""

from __future__ import annotations

from torch import Tensor, nn

B0 = (
    (1, 3, 1, 4, 1),
    (6, 3, 2, 6, 2),
    (6, 5, 2, 8, 2),
    (6, 3, 2, 10, 3),
    (6, 5, 1, 12, 3),
    (6, 5, 2, 16, 4),
    (6, 3, 1, 20, 1),
)
"""Table 1: expansion, kernel, stride, width (here an eighth and less), blocks."""


def convolution(inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    )


class SqueezeExcitation(nn.Module):
    """Hu et al., CVPR 2018, section 3: channels are scaled by what the whole map shows."""

    def __init__(self, width: int, narrow: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.scale = nn.Sequential(
            nn.Conv2d(width, narrow, 1), nn.SiLU(), nn.Conv2d(narrow, width, 1), nn.Sigmoid()
        )

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = maps * self.scale(self.pool(maps))
        return result


class MBConv(nn.Module):
    """Sandler et al., CVPR 2018, section 3.3: wide, depthwise, narrow, with a shortcut."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        expand = [convolution(inputs, wide, 1, 1, 1), nn.SiLU()] if expansion > 1 else []
        self.body = nn.Sequential(
            *expand,
            convolution(wide, wide, kernel, stride, wide),
            nn.SiLU(),
            SqueezeExcitation(wide, max(1, inputs // 4)),
            convolution(wide, outputs, 1, 1, 1),
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        found: Tensor = self.body(maps)
        return maps + found if self.shortcut else found


class EfficientNet(nn.Module):
    """B0 of table 1, narrow, or its first ``stages``; ``most`` limits the blocks of each."""

    def __init__(self, stages: int = 2, most: int = 1) -> None:
        super().__init__()
        parts: list[nn.Module] = [convolution(3, 4, 3, 2, 1), nn.SiLU()]
        width = 4
        for expansion, kernel, stride, outputs, blocks in B0[:stages]:
            for place in range(min(blocks, most)):
                step = 1 if place else stride
                parts.append(MBConv(width, outputs, expansion, kernel, step))
                width = outputs
        self.features = nn.Sequential(*parts, convolution(width, 32, 1, 1, 1), nn.SiLU())
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(32, 5)

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.head(self.pool(self.features(images)).flatten(1))
        return result
