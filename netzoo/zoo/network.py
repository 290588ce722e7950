"""The interface of the zoo's networks, and their registry."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from netzoo.blocks import ConvBNAct
from netzoo.decoding.boxes import BOX_RULES, decode_head
from netzoo.decoding.classes import ClassRule, Independent
from netzoo.training.settings import ScaleTraining
from netzoo.zoo.config import MULTISCALE, Decoding, NetworkConfig
from sizewise.core.discover import Registry
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size, TaskName


class Network(nn.Module, ABC):
    """A network of the zoo.

    ``forward`` gives one raw head per entry of ``strides`` (pixels per cell). ``decode`` gives the
    outputs of the task's contract, in the order of ``output_names``.
    """

    output_names: tuple[str, ...]

    def __init__(self, config: NetworkConfig, strides: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.strides = tuple(strides)

    @property
    def stride(self) -> int:
        """The number of pixels that height and width of an input must be multiples of."""
        return max(self.strides)

    @property
    def smallest(self) -> int:
        """The shortest side in pixels with a dynamic size: two cells of the coarsest map."""
        return 2 * self.stride

    @abstractmethod
    def forward(self, images: Tensor) -> list[Tensor]:
        """The raw heads of ``images`` [B, 3, H, W], RGB, 0–1."""

    @abstractmethod
    def decode(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The outputs from the raw heads, in 32-bit floats."""

    def raw_outputs(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The raw heads as the original program gives them."""
        return tuple(heads)

    def begin_step(self, step: int, scales: ScaleTraining) -> None:
        """Called before each step of a training, counted from 1; for networks of several scales."""

    def deploy(self) -> None:
        """Remove the parts that only training needs."""

    def convolutions(self) -> Iterator[ConvBNAct | nn.Conv2d]:
        """The convolutions in the order of Darknet's weights file, with BatchNorm or a bias."""
        yield from convolutions_of(self)


def convolutions_of(module: nn.Module) -> Iterator[ConvBNAct | nn.Conv2d]:
    """The convolutions in the order in which they were registered."""
    inside = {id(m.conv) for m in module.modules() if isinstance(m, ConvBNAct)}
    for part in module.modules():
        if isinstance(part, ConvBNAct) or (isinstance(part, nn.Conv2d) and id(part) not in inside):
            yield part


@dataclass(frozen=True, kw_only=True)
class HeadDesign:
    """The design of a detector's heads, in the order of Darknet's configuration file.

    ``anchors`` (width, height in input pixels) are those it was published with; ``masks`` says
    which of them belong to each head. ``decoding`` is the original's. ``paper`` names the loss of
    its paper (``netzoo.losses.paper``); ``rescore`` that this teaches the region layer's objectness
    the IoU that is reached, where otherwise it is 1. ``logistic``: the original's last convolutions
    end in a sigmoid, so its raw heads lie in 0–1; ours do without, for the loss's sake.
    ``also_above``: in that loss, anchors whose shape has a larger IoU with a box answer for it
    beside the best one (``iou_thresh`` of the configuration).
    """

    strides: tuple[int, ...]
    anchors: tuple[tuple[float, float], ...]
    masks: tuple[tuple[int, ...], ...]
    decoding: Decoding
    paper: str
    rescore: bool = True
    logistic: bool = False
    also_above: float = 1.0


class AnchorDetector(Network):
    """A detector with heads [B, A·(5+C), H/stride, W/stride] (see ``netzoo.decoding.boxes``)."""

    output_names = ("boxes", "scores")
    class_rule: ClassRule

    def __init__(self, config: NetworkConfig, design: HeadDesign) -> None:
        super().__init__(replace(config, anchors=config.anchors or design.anchors), design.strides)
        self.design = design
        self.decoding: Decoding = config.decoding or design.decoding
        self.class_rule = Independent()
        anchors = self.config.anchors
        self.masks = masks = config.masks or design.masks
        if len(anchors) != len(design.anchors):
            raise UsageError(
                f"{config.name} can't use {len(anchors)} anchors",
                f"its {len(design.strides)} heads share {len(design.anchors)} of them",
                f"Give {len(design.anchors)} anchors, small ones first; or none, for its own.",
            )
        _demand_masks(config.name, masks, design)
        by_head = torch.stack([torch.tensor([anchors[i] for i in mask]) for mask in masks])
        # Not persistent: the configuration says it, and a checkpoint says each thing once.
        self.register_buffer("anchors", by_head, persistent=False)
        self.anchors: Tensor

    def make_head(self, inputs: int) -> nn.Conv2d:
        """The last convolution of a level. It starts with objectness 0.01 and classes 1/(C+1)
        everywhere: what is rare need not be taught first (RetinaNet, Lin et al. 2017, §4.1)."""
        classes = len(self.config.classes)
        anchors = self.anchors.shape[1]
        head = nn.Conv2d(inputs, anchors * (5 + classes), 1)
        bias = torch.zeros(anchors, 5 + classes)
        bias[:, 4] = math.log(0.01 / 0.99)
        bias[:, 5:] = -math.log(classes)
        head.bias = nn.Parameter(bias.flatten())
        return head

    def raw_outputs(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(head.sigmoid() if self.design.logistic else head for head in heads)

    def decode(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The outputs ``boxes`` [B, N, 4] and ``scores`` [B, N, C].

        N counts heads, anchors, rows and columns, in this order.
        """
        rule = BOX_RULES[self.decoding]
        decoded = [
            decode_head(head, anchors, stride, rule, self.class_rule)
            for head, anchors, stride in zip(heads, self.anchors, self.strides, strict=True)
        ]
        boxes, scores = zip(*decoded, strict=True)
        return torch.cat(boxes, 1), torch.cat(scores, 1)


def _demand_masks(name: str, masks: tuple[tuple[int, ...], ...], design: HeadDesign) -> None:
    """Raises UsageError for masks that are not those of as many heads and anchors."""
    places = range(len(design.anchors))
    if [len(mask) for mask in masks] != [len(mask) for mask in design.masks] or any(
        place not in places for mask in masks for place in mask
    ):
        raise UsageError(
            f"{name} can't use the masks {masks}",
            f"it has {len(design.masks)} heads of {len(design.masks[0])} anchors each, which are "
            f"numbered from 0 to {len(design.anchors) - 1}",
            f"Give masks such as {design.masks}; or none, for its own.",
        )


@dataclass(frozen=True, kw_only=True)
class NetworkEntry:
    """A network of the registry.

    ``strides`` are those of its heads, in their order; ``size`` and ``classes`` (their number) are
    what it was published with. Height and width are multiples of ``divisor``, where that is more
    than the heads ask. ``letterbox`` says that pictures keep their shape. ``losses`` train it, the
    default one first. ``tree`` says that its classes may be kinds of one another.
    """

    name: str
    task: TaskName
    size: Size
    build: Callable[[NetworkConfig], Network]
    design: HeadDesign | None = None
    strides: tuple[int, ...] = (32,)
    classes: int = 80
    letterbox: bool = True
    losses: tuple[str, ...] = ("dense", "paper")
    tree: bool = False
    divisor: int = 1

    @property
    def stride(self) -> int:
        """The number of pixels that height and width of an input are multiples of."""
        return max(self.divisor, *self.strides)

    @property
    def anchors(self) -> tuple[tuple[float, float], ...]:
        """The anchors that it was published with; none for a network without anchors."""
        return self.design.anchors if self.design else ()

    @property
    def smallest(self) -> int:
        """The usual shortest side in pixels with a dynamic size: two cells of the coarsest map."""
        return 2 * self.stride


_NETWORKS: Registry[NetworkEntry] = Registry("network", "netzoo.networks", "NETWORKS")

networks = _NETWORKS.all
"""All there are, by name."""

find_network = _NETWORKS.find
"""Raises UsageError, which lists the networks there are."""


def keeps_shape(config: NetworkConfig) -> bool:
    """Whether a network's pictures are letterboxed; else they are stretched."""
    own = find_network(config.name).letterbox
    return own if config.letterbox is None else config.letterbox


def build_network(config: NetworkConfig) -> Network:
    """Build a network with random weights. Raises UsageError."""
    entry = find_network(config.name)
    if config.tree and not entry.tree:
        raise UsageError(
            f"{config.name} can't be built with a tree of classes",
            "it has no hierarchy of classes",
            "Leave the tree out, or choose yolo9000.",
        )
    if config.multiscale and config.name != MULTISCALE:
        raise UsageError(
            f"{config.name} can't be built with several scales",
            "it sees each picture at one scale",
            f"Leave {spelled('fusion')}, {spelled('scales')} and {spelled('backbone')} out, or "
            f"choose the network {MULTISCALE}.",
        )
    return entry.build(config)
