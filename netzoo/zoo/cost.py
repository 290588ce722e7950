"""The cost of a network, counted on the meta device without computing anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netzoo.blocks import ConvBNAct
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network
from sizewise.core.specs import Size


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The size of a network and its operations for one image.

    ``parameters`` are the trainable ones. ``bflops`` are billions of floating-point operations of
    the convolutions, two per multiply-add, as Darknet prints them.
    """

    parameters: int
    convolutions: int
    bflops: float


def count_cost(config: NetworkConfig, size: Size) -> Cost:
    """Count the cost at ``size``. Raises UsageError for a network that can't be built."""
    network = build_without_weights(config).eval()
    images = torch.empty(1, 3, size.height, size.width, device="meta")
    parameters = count_parameters(network)
    network.deploy()
    _keep_convolutions(network)
    operations: list[int] = []
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for convolution in convolutions:
        convolution.register_forward_hook(_count(convolution.weight[0].numel(), operations))
    network(images)
    return Cost(
        parameters=parameters,
        convolutions=len(convolutions),
        bflops=sum(operations) / 1e9,
    )


def build_without_weights(config: NetworkConfig) -> Network:
    """A network on the meta device. Raises UsageError where it can't be built."""
    with torch.device("meta"):
        return build_network(config)


def count_parameters(network: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _keep_convolutions(network: nn.Module) -> None:
    """Remove BatchNorm and activations: they are slow on the meta device and keep the shapes."""
    for block in network.modules():
        if isinstance(block, ConvBNAct):
            block.norm = block.act = nn.Identity()


def _count(
    multiply_adds: int, operations: list[int]
) -> Callable[[nn.Module, object, Tensor], None]:
    """A hook that records one convolution's operations, ``multiply_adds`` for each output value."""

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        operations.append(2 * multiply_adds * output.numel())

    return hook
