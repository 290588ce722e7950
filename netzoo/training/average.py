"""The running mean of a network's weights, which is more accurate than the last step's."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from netzoo.zoo.network import Network

_STEPS = "steps"


class RunningMean:
    """Exponential mean of weights and BatchNorm statistics (Polyak averaging).

    The decay grows to its full value with the steps, so that the random start is soon forgotten.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self._decay = decay
        self._steps = 0
        self._mean = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: Network) -> None:
        self._steps += 1
        weight = 1 - min(self._decay, self._steps / (10 + self._steps))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self._mean[name].lerp_(value, weight)
            else:
                self._mean[name].copy_(value)

    def copy_to(self, network: Network) -> None:
        network.load_state_dict(self._mean)

    def state(self) -> dict[str, torch.Tensor]:
        """All that :meth:`restore` takes."""
        return self._mean | {_STEPS: torch.tensor(self._steps)}

    @torch.no_grad()
    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a :meth:`state`. Raises KeyError where something is missing."""
        self._steps = int(state[_STEPS])
        for name, value in self._mean.items():
            value.copy_(state[name])
