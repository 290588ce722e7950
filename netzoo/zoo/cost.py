"""The cost of a network, counted on the meta device without computing anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netzoo.blocks import ConvBNAct, Residual
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, build_network
from sizewise.core.specs import Size


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The size of a network and its operations for one image.

    ``parameters`` are the trainable ones. ``bflops`` are billions of floating-point operations of
    the convolutions, two per multiply-add. ``darknet_bflops`` has those of max-pooling and of
    residual sums as well: it is the total that newer versions of Darknet print.
    """

    parameters: int
    convolutions: int
    bflops: float
    darknet_bflops: float


def count_cost(config: NetworkConfig, size: Size) -> Cost:
    """Count the cost at ``size``. Raises UsageError for a network that can't be built."""
    network = build_without_weights(config).eval()
    images = torch.empty(1, 3, size.height, size.width, device="meta")
    parameters = count_parameters(network)
    network.deploy()
    _keep_convolutions(network)
    operations: list[int] = []
    others: list[int] = []
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for convolution in convolutions:
        convolution.register_forward_hook(_count(2 * convolution.weight[0].numel(), operations))
    for module in network.modules():
        if isinstance(module, Residual):
            module.register_forward_hook(_count(1, others))
        elif isinstance(module, nn.MaxPool2d):
            module.register_forward_hook(_count(_side(module.kernel_size) ** 2, others))
    network(images)
    return Cost(
        parameters=parameters,
        convolutions=len(convolutions),
        bflops=sum(operations) / 1e9,
        darknet_bflops=sum((*operations, *others)) / 1e9,
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


def _side(kernel: int | tuple[int, ...]) -> int:
    """Of a square kernel."""
    return kernel if isinstance(kernel, int) else kernel[0]


def _count(each: int, operations: list[int]) -> Callable[[nn.Module, object, Tensor], None]:
    """A hook that records one layer's operations, ``each`` for each output value."""

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        operations.append(each * output.numel())

    return hook
