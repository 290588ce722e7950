"""What a network is built from: a value that its checkpoint carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netzoo.scales import Scales
from netzoo.tasks.wordtree import WordTree
from sizewise.core.errors import InputError, UsageError

Decoding = Literal["yolov3", "yolov4-tiny", "scaled"]
"""How raw numbers become boxes; see ``netzoo.decode``."""

MULTISCALE = "multiscale"
"""The network that looks at several scales."""


@dataclass(frozen=True, kw_only=True)
class MultiscaleConfig:
    """How a network looks at a picture at several scales: ``scales`` are factors of its height and
    width (``netzoo.scales``), ``fusion`` merges them. There is one backbone for all of them, or one
    for each. Raises UsageError.
    """

    fusion: str = "hierarchical"
    scales: tuple[float, ...] = (0.5, 1.0, 1.5)
    backbones: tuple[str, ...] = ("convnet",)

    def __post_init__(self) -> None:
        if len(self.backbones) not in (1, len(self.pyramid.factors)):
            raise UsageError(
                f"{len(self.scales)} scales can't go through {len(self.backbones)} backbones",
                "one is shared by all of them, or there is one for each",
                f"Name 1 or {len(self.scales)}.",
            )

    @property
    def pyramid(self) -> Scales:
        return Scales(self.scales)

    def backbones_of(self, used: Scales) -> tuple[str, ...]:
        """Those of the scales that are ``used``."""
        if len(self.backbones) == 1:
            return self.backbones
        return tuple(self.backbones[self.scales.index(factor)] for factor in used.factors)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """``name`` is one of the registry; ``width`` multiplies channels and ``depth`` repeats.

    ``anchors`` are (width, height) in input pixels; none means the network's own. ``decoding``
    follows the loss that the network was trained with; none means the original's. ``tree`` holds
    each class's parent (-1: a root) where the classes are a WordTree. ``multiscale`` is of the
    network of that name, whose usual one it is where there is none. Raises UsageError.
    """

    name: str
    classes: tuple[str, ...]
    width: float = 1.0
    depth: float = 1.0
    anchors: tuple[tuple[float, float], ...] = ()
    decoding: Decoding | None = None
    tree: tuple[int, ...] = ()
    multiscale: MultiscaleConfig | None = None

    @property
    def fusion(self) -> str:
        """How it merges scales; ``none`` where it looks at one."""
        if self.name != MULTISCALE:
            return "none"
        return (self.multiscale or MultiscaleConfig()).fusion

    @property
    def stem(self) -> str:
        """Of the names of its files."""
        return self.name if self.fusion == "none" else f"{self.name}-{self.fusion}"

    def __post_init__(self) -> None:
        if not (0 < self.width <= 8 and 0 < self.depth <= 8):
            raise UsageError(
                f"{self.name} can't be built {self.width} wide and {self.depth} deep",
                "both multipliers lie above 0 and at most at 8",
                "Give 1 for the original network, 0.25 for a narrow one.",
            )
        if self.tree:
            _check_tree(self)
        if not self.classes or len(set(self.classes)) != len(self.classes):
            raise UsageError(
                f"{self.name} can't be built for {len(self.classes)} classes",
                "a network needs at least one class, and each name once",
                "List the names of the classes.",
            )
        if not all(0 < side < float("inf") for anchor in self.anchors for side in anchor):
            raise UsageError(
                f"The anchors {self.anchors} are no boxes",
                "widths and heights are positive numbers of pixels",
                "Give them as width, height; or none, for the network's own.",
            )


def _check_tree(config: NetworkConfig) -> None:
    if len(config.tree) != len(config.classes):
        raise UsageError(
            f"{config.name} can't be built for {len(config.classes)} classes and this tree",
            f"the tree has {len(config.tree)} classes",
            "Give as many names as the tree has classes, in its order; or none, for the tree's.",
        )
    try:
        WordTree(config.tree)
    except InputError as error:
        raise UsageError(error.what, error.why, error.todo) from error
