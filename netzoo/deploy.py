"""A trained network as it is deployed: BatchNorm folded away, decode inside."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from netzoo.timm_backbone import TimmBackbone
from netzoo.zoo.network import Network


@runtime_checkable
class Foldable(Protocol):
    """A module that computes the same in fewer steps once it is trained."""

    def fold(self) -> None: ...


class Deployable(nn.Module):
    """A network for deployment: ``images`` [B, 3, H, W] → the outputs of ``output_names``."""

    wraps: ClassVar[str] = "network"
    """The child that names of layers start from: what a user knows as the network."""

    def __init__(self, network: Network, *, raw: bool) -> None:
        super().__init__()
        self.network = network
        self.raw = raw
        heads = tuple(f"head_{stride}" for stride in network.strides)
        self.output_names = heads if raw else network.output_names

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        heads = self.network(images)
        return self.network.raw_outputs(heads) if self.raw else self.network.decode(heads)


def deployable(network: Network, raw: bool = False) -> Deployable:
    """A copy in evaluation mode whose BatchNorms are folded into the convolutions.

    ``raw`` leaves the decode out: the outputs are the heads, named after their strides.
    """
    folded = copy.deepcopy(network).eval()
    fold_batch_norms(folded)
    for block in folded.modules():
        if isinstance(block, nn.LeakyReLU | nn.Mish | nn.ReLU):
            block.inplace = False  # torch.export takes a third longer over what writes in place
        if isinstance(block, Foldable):
            block.fold()
    folded.deploy()
    return Deployable(folded, raw=raw).eval()


def fold_batch_norms(module: nn.Module) -> None:
    """Fold BatchNorms into convolutions, in place; ``module`` is in evaluation mode.

    Wherever netzoo registers a BatchNorm2d right after a Conv2d, as the next child of the same
    module, it normalises what this one gives, and nothing else takes that. Others need not keep to
    it, so what timm built stays as it is.
    """
    if isinstance(module, TimmBackbone):
        return
    children = list(module.named_children())
    for (name, conv), (norm_name, norm) in pairwise(children):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(conv, norm))
            setattr(module, norm_name, nn.Identity())
    for _, child in children:
        fold_batch_norms(child)
