"""A trained network as it is deployed: BatchNorm folded away, decode inside."""

from __future__ import annotations

import copy
from typing import Protocol, runtime_checkable

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from netzoo.blocks import ConvBNAct
from netzoo.network import Network


@runtime_checkable
class Foldable(Protocol):
    """A module that computes the same in fewer steps once it is trained."""

    def fold(self) -> None: ...


class Deployable(nn.Module):
    """``images`` [B, 3, H, W] → the outputs named in ``output_names``."""

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
    for block in folded.modules():
        if isinstance(block, ConvBNAct) and isinstance(block.norm, nn.BatchNorm2d):
            block.conv = fuse_conv_bn_eval(block.conv, block.norm)
            block.norm = nn.Identity()
        if isinstance(block, nn.LeakyReLU | nn.Mish):
            block.inplace = False  # torch.export takes a third longer over what writes in place
        if isinstance(block, Foldable):
            block.fold()
    folded.deploy()
    return Deployable(folded, raw=raw).eval()
