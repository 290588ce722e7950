"""The configuration of a network, which its checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netzoo.scales import Scales
from netzoo.tasks.wordtree import WordTree
from sizewise.core.errors import InputError, UsageError

Decoding = Literal["yolov3", "yolov4", "yolov4-tiny", "scaled"]
"""The rule by which raw numbers become boxes; see ``netzoo.decoding.boxes``."""

MULTISCALE = "multiscale"
"""The name of the network of several scales."""


@dataclass(frozen=True, kw_only=True)
class MultiscaleConfig:
    """The scales of a network, and how it merges them.

    ``scales`` are factors of height and width (``netzoo.scales``), and ``fusion`` merges them. One
    backbone serves all of them, or each has its own. ``by_class``: each pixel gets a class, and is
    not only told from the background. Raises UsageError.
    """

    fusion: str = "hierarchical"
    scales: tuple[float, ...] = (0.5, 1.0, 1.5)
    backbones: tuple[str, ...] = ("convnet",)
    by_class: bool = False

    def __post_init__(self) -> None:
        if len(self.backbones) not in (1, len(self.pyramid.factors)):
            raise UsageError(
                f"{len(self.scales)} scales can't use {len(self.backbones)} backbones",
                "either all scales share one, or each has its own",
                f"Give 1 backbone or {len(self.scales)}.",
            )

    @property
    def pyramid(self) -> Scales:
        return Scales(self.scales)

    def backbones_of(self, used: Scales) -> tuple[str, ...]:
        """The backbones of the scales that are ``used``."""
        if len(self.backbones) == 1:
            return self.backbones
        return tuple(self.backbones[self.scales.index(factor)] for factor in used.factors)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """The configuration of a network of the zoo.

    ``name`` is one of the registry; ``width`` multiplies channels and ``depth`` repeats.

    ``anchors`` are (width, height) in input pixels, and ``masks`` the places in them of each head's
    own; none means the network's own. ``decoding``
    follows the loss that the network was trained with; none means the original's. ``tree`` holds
    each class's parent (-1: a root) where the classes are a WordTree. ``multiscale`` is of the
    network of that name, whose usual one it is where there is none. ``letterbox`` says whether
    pictures keep their shape; None means the network's own way. Raises UsageError.
    """

    name: str
    classes: tuple[str, ...]
    width: float = 1.0
    depth: float = 1.0
    anchors: tuple[tuple[float, float], ...] = ()
    masks: tuple[tuple[int, ...], ...] = ()
    decoding: Decoding | None = None
    tree: tuple[int, ...] = ()
    multiscale: MultiscaleConfig | None = None
    letterbox: bool | None = None

    @property
    def fusion(self) -> str:
        """The fusion of its scales; ``none`` for a network of one scale."""
        if self.name != MULTISCALE:
            return "none"
        return (self.multiscale or MultiscaleConfig()).fusion

    @property
    def by_class(self) -> bool:
        """Whether it gives each pixel a class."""
        return self.multiscale is not None and self.multiscale.by_class

    @property
    def stem(self) -> str:
        """The stem of the names of its files."""
        return self.name if self.fusion == "none" else f"{self.name}-{self.fusion}"

    def __post_init__(self) -> None:
        if not (0 < self.width <= 8 and 0 < self.depth <= 8):
            raise UsageError(
                f"{self.name} can't be built {self.width} wide and {self.depth} deep",
                "both multipliers must be above 0 and at most 8",
                "Give 1 for the original network, 0.25 for a narrow one.",
            )
        if self.tree:
            _check_tree(self)
        if not self.classes or len(set(self.classes)) != len(self.classes):
            raise UsageError(
                f"{self.name} can't be built for {len(self.classes)} classes",
                "it needs at least one class, and each name must be unique",
                "List the names of the classes.",
            )
        if not all(0 < side < float("inf") for anchor in self.anchors for side in anchor):
            raise UsageError(
                f"The anchors {self.anchors} are no boxes",
                "widths and heights must be positive numbers of pixels",
                "Give each as width, height; or none, for the network's own.",
            )


def _check_tree(config: NetworkConfig) -> None:
    if len(config.tree) != len(config.classes):
        raise UsageError(
            f"{config.name} can't be built for {len(config.classes)} classes and this tree",
            f"the tree has {len(config.tree)} classes",
            "Give one name per class of the tree, in its order; or none, for the tree's own.",
        )
    try:
        WordTree(config.tree)
    except InputError as error:
        raise UsageError(error.what, error.why, error.todo) from error
