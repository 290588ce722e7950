"""What a network of the zoo says of itself."""

from __future__ import annotations

from netzoo.tasks.masks.maps import SCORES
from netzoo.zoo.cost import count_parameters
from netzoo.zoo.network import Network, find_network, keeps_shape
from sizewise.core.specs import RAW_LAYOUT, ModelCard


def card_of(network: Network, *, raw: bool = False, checkpoint_sha256: str = "") -> ModelCard:
    """``raw``: its outputs are the heads, without the decode."""
    entry = find_network(network.config.name)
    own = SCORES if network.config.by_class else "sizewise"
    return ModelCard(
        network=entry.name,
        task="unknown" if raw else entry.task,
        layout=RAW_LAYOUT if raw else own,
        classes=network.config.classes,
        stride=network.stride,
        smallest=network.smallest,
        letterbox=keeps_shape(network.config),
        tree=network.config.tree,
        fusion=network.config.fusion,
        parameters=count_parameters(network),
        checkpoint_sha256=checkpoint_sha256,
    )
