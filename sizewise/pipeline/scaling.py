"""What the commands are told of a network that looks at several scales."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from sizewise.cli.options import comma_list
from sizewise.core.errors import UsageError

if TYPE_CHECKING:
    from netzoo.config import MultiscaleConfig

Fusion = Annotated[
    str, typer.Option("--fusion", help="How multiscale merges its scales (comma list: one each).")
]
ScaleList = Annotated[
    str, typer.Option("--scales", help="What multiscale looks at (default 0.5,1,1.5).")
]
BackboneList = Annotated[
    str,
    typer.Option(
        "--backbone", help="Of multiscale (default convnet): one, or one for each scale (list)."
    ),
]


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Options as users write them; empty ones are the network's own."""

    fusion: str = ""
    scales: str = ""
    backbone: str = ""

    def each(self, network: str) -> tuple[Scaling, ...]:
        """One for each fusion of the list; for a network without scales, itself. Raises UsageError
        where one of them does not exist, before any is worked on."""
        from netzoo.config import MULTISCALE, MultiscaleConfig

        if network != MULTISCALE:
            return (self,)
        from netzoo.fusion import find_fusion  # which needs torch, and an ONNX file does not

        names = comma_list(self.fusion)
        if self.fusion and not names:
            raise UsageError(
                f"{self.fusion!r} names no fusion",
                "the list is empty",
                "Leave it out, or name one.",
            )
        names = names or (MultiscaleConfig().fusion,)
        return tuple(replace(self, fusion=find_fusion(name).name) for name in dict.fromkeys(names))

    def config(self) -> MultiscaleConfig | None:
        """None where nothing is said. Raises UsageError."""
        from netzoo.config import MultiscaleConfig
        from netzoo.scales import Scales

        given = {
            "fusion": self.fusion,
            "scales": Scales.parse(self.scales).factors if self.scales else (),
            "backbones": comma_list(self.backbone),
        }
        said = {name: value for name, value in given.items() if value}
        return MultiscaleConfig(**said) if said else None  # type: ignore[arg-type]


def parse_weights(text: str) -> tuple[float, ...]:
    """``0.5,1,0.5``, or empty. Raises UsageError."""
    try:
        weights = tuple(float(part) for part in comma_list(text))
        if not all(0 <= weight < math.inf for weight in weights):
            raise ValueError("a weight is 0 or more")
    except ValueError as error:
        raise UsageError(
            f"{text!r} are no weights of scales",
            str(error),
            "Give a number for each scale, as 0.5,1,0.5.",
        ) from error
    return weights
