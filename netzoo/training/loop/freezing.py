"""Layers whose weights a training leaves as they are."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from netzoo.networks.multiscale import Multiscale
from netzoo.training.settings import BACKBONE, TrainingSettings
from netzoo.zoo.network import Network
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled


def freeze(network: Network, settings: TrainingSettings) -> None:
    """Let the first layers of a network in training mode learn nothing, as the settings say.

    Their BatchNorm keeps its statistics, too; with ``freeze_norm``, that of all layers does.
    Raises UsageError where there are no such layers.
    """
    for part in frozen(network, settings.freeze):
        part.requires_grad_(requires_grad=False)
        part.eval()
    if settings.freeze_norm:
        for norm in network.modules():
            if isinstance(norm, _BatchNorm):
                norm.eval()


def frozen(network: Network, given: str) -> list[nn.Module]:
    """The modules that ``given`` means: the backbone, or so many convolutions from the first one
    on, in Darknet's order. Raises UsageError."""
    if not given:
        return []
    if given == BACKBONE:
        return _backbones(network)
    convolutions: list[nn.Module] = list(network.convolutions())
    count = int(given)
    if count >= len(convolutions):
        raise UsageError(
            f"{network.config.name} can't be trained with {count} frozen convolutions",
            f"it has {len(convolutions)}, so nothing would learn",
            f"Give {spelled('freeze')} a smaller number.",
        )
    return convolutions[:count]


def _backbones(network: Network) -> list[nn.Module]:
    if isinstance(network, Multiscale):
        return [network.processor.trunk]
    backbone = getattr(network, BACKBONE, None)
    if isinstance(backbone, nn.Module):
        return [backbone]
    raise UsageError(
        f"{network.config.name} can't be trained with a frozen backbone",
        "its first layers are no backbone of their own",
        f"Give {spelled('freeze')} a number of convolutions instead.",
    )
