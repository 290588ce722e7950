"""Options of a network with several scales."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sizewise.core.errors import UsageError
from sizewise.core.options.declared import option
from sizewise.core.options.reading import JOINED, WORDS

if TYPE_CHECKING:
    from netzoo.zoo.config import MultiscaleConfig

_GROUP = "Several scales (network multiscale)"


@dataclass(frozen=True, kw_only=True)
class ScalingOptions:
    """The options, for every command that builds such a network."""

    fusion: tuple[str, ...] = option(
        WORDS,
        (),
        help="Fusions that merge the scales of multiscale (comma list; one network for each).",
        group=_GROUP,
        shown="the network's own",
    )
    scales: str = option(
        JOINED,
        "",
        help="Scales of multiscale, as factors of the input size (comma list).",
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
        """These options as one value, which :meth:`Scaling.each` splits by fusion."""
        return Scaling(fusions=self.fusion, scales=self.scales, backbones=self.backbone)


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Scales, fusions and backbones; empty ones are the network's own."""

    fusions: tuple[str, ...] = ()
    scales: str = ""
    backbones: tuple[str, ...] = ()

    @property
    def fusion(self) -> str:
        """The one fusion; empty for the network's own."""
        return self.fusions[0] if self.fusions else ""

    def each(self, network: str) -> tuple[Scaling, ...]:
        """One value for each fusion; for a network with one scale, this one.

        Raises UsageError where a fusion does not exist, before any work begins.
        """
        from netzoo.zoo.config import MULTISCALE, MultiscaleConfig

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
        """The network's configuration; None where no option is given. Raises UsageError."""
        from netzoo.scales import Scales
        from netzoo.zoo.config import MultiscaleConfig

        if len(self.fusions) > 1:
            raise UsageError(
                f"{', '.join(self.fusions)} can't be the fusion of one network",
                "a network merges its scales in one way",
                "Name one fusion, or choose the network multiscale, which is built once for each.",
            )
        given = {
            "fusion": self.fusion,
            "scales": Scales.parse(self.scales).factors if self.scales else (),
            "backbones": self.backbones,
        }
        nonempty = {name: value for name, value in given.items() if value}
        return MultiscaleConfig(**nonempty) if nonempty else None  # type: ignore[arg-type]
