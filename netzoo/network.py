"""What every network of the zoo is, and the registry of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from netzoo.config import NetworkConfig
from netzoo.decode import BOX_RULES, decode_head
from sizewise.discover import choose, discover
from sizewise.errors import UsageError
from sizewise.specs import Task


class Network(nn.Module, ABC):
    """``forward`` gives one raw head per entry of ``strides`` (pixels per cell), ``decode`` the
    output contract of the task, in the order of ``output_names``."""

    output_names: tuple[str, ...]

    def __init__(self, config: NetworkConfig, strides: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.strides = tuple(strides)

    @property
    def stride(self) -> int:
        """Height and width of an input must be multiples of it."""
        return max(self.strides)

    @abstractmethod
    def forward(self, images: Tensor) -> list[Tensor]:
        """``images`` is [B, 3, H, W], RGB, 0–1."""

    @abstractmethod
    def decode(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Raw heads to the outputs, in 32-bit floats."""


class AnchorDetector(Network):
    """A detector whose heads are [B, A·(5+C), H/stride, W/stride] (see ``netzoo.decode``).

    The anchors are dealt out in equal shares, the first ones to the finest head.
    """

    output_names = ("boxes", "scores")

    def __init__(
        self,
        config: NetworkConfig,
        strides: Sequence[int],
        own_anchors: tuple[tuple[float, float], ...],
    ) -> None:
        super().__init__(replace(config, anchors=config.anchors or own_anchors), strides)
        anchors = self.config.anchors
        self.anchors_per_head, rest = divmod(len(anchors), len(strides))
        if rest:
            raise UsageError(
                f"{config.name} can't use {len(anchors)} anchors",
                f"each of its {len(strides)} heads takes as many as the others",
                f"Give a multiple of {len(strides)} anchors.",
            )
        shares = torch.tensor(anchors).view(len(strides), self.anchors_per_head, 2)
        by_head = torch.stack([shares[sorted(strides).index(s)] for s in strides])
        # Not persistent: the configuration says it, and a checkpoint says each thing once.
        self.register_buffer("anchors", by_head, persistent=False)
        self.anchors: Tensor

    def make_head(self, inputs: int) -> nn.Conv2d:
        """The last convolution of a level. It starts with objectness 0.01 and classes 1/(C+1)
        everywhere: what is rare need not be taught first (RetinaNet, Lin et al. 2017, §4.1)."""
        classes = len(self.config.classes)
        head = nn.Conv2d(inputs, self.anchors_per_head * (5 + classes), 1)
        bias = torch.zeros(self.anchors_per_head, 5 + classes)
        bias[:, 4] = math.log(0.01 / 0.99)
        bias[:, 5:] = -math.log(classes)
        head.bias = nn.Parameter(bias.flatten())
        return head

    def decode(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """``boxes`` [B, N, 4] and ``scores`` [B, N, C], N over heads, anchors, rows, columns."""
        rule = BOX_RULES[self.config.decoding]
        decoded = [
            decode_head(head, anchors, stride, rule)
            for head, anchors, stride in zip(heads, self.anchors, self.strides, strict=True)
        ]
        boxes, scores = zip(*decoded, strict=True)
        return torch.cat(boxes, 1), torch.cat(scores, 1)


@dataclass(frozen=True, kw_only=True)
class NetworkEntry:
    """A network of the registry. ``strides`` are those of its heads, in their order; ``anchors``
    the ones it was published with (none where it has no use for any)."""

    name: str
    task: Task
    strides: tuple[int, ...]
    anchors: tuple[tuple[float, float], ...] = ()
    build: Callable[[NetworkConfig], Network]


def networks() -> dict[str, NetworkEntry]:
    """All there are, by name."""
    return discover("netzoo.networks", "NETWORKS")


def find_network(name: str) -> NetworkEntry:
    """Raises UsageError that lists the networks there are."""
    known = networks()
    return known[choose("network", name, known)]


def build_network(config: NetworkConfig) -> Network:
    """With random weights. Raises UsageError."""
    return find_network(config.name).build(config)
