"""What a network costs, counted without computing anything (on the meta device)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netzoo.blocks import ConvBNAct
from netzoo.config import NetworkConfig
from netzoo.network import Network, build_network
from sizewise.core.specs import Size


@dataclass(frozen=True, kw_only=True)
class Cost:
    """``parameters`` are the trainable ones; ``bflops`` are billions of floating-point operations
    of the convolutions for one image, two per multiply-add, as Darknet prints them."""

    parameters: int
    convolutions: int
    bflops: float


def count_cost(config: NetworkConfig, size: Size) -> Cost:
    """Raises UsageError for a network that can't be built."""
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
    """On the meta device. Raises UsageError for a network that can't be built."""
    with torch.device("meta"):
        return build_network(config)


def count_parameters(network: nn.Module) -> int:
    """The trainable ones."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _keep_convolutions(network: nn.Module) -> None:
    """The meta device computes shapes in Python, and these steps keep them."""
    for block in network.modules():
        if isinstance(block, ConvBNAct):
            block.norm = block.act = nn.Identity()


def _count(
    multiply_adds: int, operations: list[int]
) -> Callable[[nn.Module, object, Tensor], None]:
    """A hook that notes what one convolution does: ``multiply_adds`` for each of its outputs."""

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        operations.append(2 * multiply_adds * output.numel())

    return hook
