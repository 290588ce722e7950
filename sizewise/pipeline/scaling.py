"""What a user says of a network that looks at several scales."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sizewise.core.errors import UsageError
from sizewise.core.options import option
from sizewise.core.reading import JOINED, WORDS

if TYPE_CHECKING:
    from netzoo.config import MultiscaleConfig

_GROUP = "Several scales (network multiscale)"


@dataclass(frozen=True, kw_only=True)
class ScalingOptions:
    """Options of every command that makes such a network."""

    fusion: tuple[str, ...] = option(
        WORDS,
        (),
        help="How multiscale merges its scales (comma list: one network each).",
        group=_GROUP,
        shown="the network's own",
    )
    scales: str = option(
        JOINED,
        "",
        help="Scales that multiscale looks at, as factors of the input size (comma list).",
        group=_GROUP,
        shown="0.5,1,1.5",
    )
    backbone: tuple[str, ...] = option(
        WORDS,
        (),
        help="Backbone of multiscale: one for all scales, or one for each (comma list).",
        group=_GROUP,
        shown="convnet",
    )

    @property
    def scaling(self) -> Scaling:
        """Of the one fusion, where :meth:`Scaling.each` chose one."""
        return Scaling(fusions=self.fusion, scales=self.scales, backbones=self.backbone)


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Which scales, merged how, through which backbones; empty ones are the network's own."""

    fusions: tuple[str, ...] = ()
    scales: str = ""
    backbones: tuple[str, ...] = ()

    @property
    def fusion(self) -> str:
        """The one fusion; empty for the network's own."""
        return self.fusions[0] if self.fusions else ""

    def each(self, network: str) -> tuple[Scaling, ...]:
        """One for each fusion of the list; for a network without scales, itself. Raises UsageError
        where one of them does not exist, before any is worked on."""
        from netzoo.config import MULTISCALE, MultiscaleConfig

        if network != MULTISCALE:
            return (self,)
        from netzoo.fusions._registry import (
            find_fusion,  # which needs torch, and an ONNX file does not
        )

        names = self.fusions or (MultiscaleConfig().fusion,)
        return tuple(
            replace(self, fusions=(find_fusion(name).name,)) for name in dict.fromkeys(names)
        )

    def config(self) -> MultiscaleConfig | None:
        """None where nothing is said. Raises UsageError."""
        from netzoo.config import MultiscaleConfig
        from netzoo.scales import Scales

        if len(self.fusions) > 1:
            raise UsageError(
                f"{', '.join(self.fusions)} can't be the fusion of one network",
                "a network merges its scales in one way",
                "Name one, or take the network multiscale, of which one each is made.",
            )
        given = {
            "fusion": self.fusion,
            "scales": Scales.parse(self.scales).factors if self.scales else (),
            "backbones": self.backbones,
        }
        said = {name: value for name, value in given.items() if value}
        return MultiscaleConfig(**said) if said else None  # type: ignore[arg-type]
