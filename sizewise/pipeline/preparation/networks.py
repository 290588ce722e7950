"""The networks of the zoo and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sizewise.core import codec
from sizewise.core.specs import Size

if TYPE_CHECKING:
    from netzoo.zoo.cost import Cost
    from netzoo.zoo.network import NetworkEntry


@dataclass(frozen=True, kw_only=True)
class ListedNetwork:
    """A network as published, at width 1 and depth 1, with its cost at its own size."""

    entry: NetworkEntry
    cost: Cost

    @property
    def facts(self) -> dict[str, Any]:
        """Everything that is known of it, plain."""
        from netzoo.zoo.config import MULTISCALE

        entry = self.entry
        choices = {"fusions": fusion_names(), "backbones": backbone_names()}
        return {
            **codec.to_plain(self.cost),
            "task": entry.task,
            "size": str(entry.size),
            "classes": entry.classes,
            "strides": list(entry.strides),
            "smallest": str(Size(entry.smallest, entry.smallest)),
            "losses": list(entry.losses),
        } | (choices if entry.name == MULTISCALE else {})


def list_networks() -> tuple[ListedNetwork, ...]:
    """All networks, by name."""
    from netzoo.zoo.network import networks

    entries = sorted(networks().values(), key=lambda entry: entry.name)
    return tuple(ListedNetwork(entry=entry, cost=_cost(entry)) for entry in entries)


def _cost(entry: NetworkEntry) -> Cost:
    from netzoo.zoo.config import NetworkConfig
    from netzoo.zoo.cost import count_cost

    classes = tuple(map(str, range(entry.classes)))
    return count_cost(NetworkConfig(name=entry.name, classes=classes), entry.size)


def fusion_names() -> list[str]:
    """The fusions of multiscale."""
    from netzoo.fusions._registry import fusions

    return sorted(fusions())


def backbone_names() -> list[str]:
    """The backbones that multiscale takes, without those of timm."""
    from netzoo.backbones._registry import four_levels

    return sorted(four_levels())
