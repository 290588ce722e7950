from __future__ import annotations

import pytest
import torch

from netzoo.training.average import RunningMean
from tests.netzoo.factories import narrow_detector


def test_the_mean_forgets_the_start_and_follows_the_weights() -> None:
    network = narrow_detector()
    weight = next(network.parameters())
    mean = RunningMean(network, decay=0.9)
    values = [3.0, -1.0, 4.0, 1.0, 5.0] * 4
    expected = weight.detach().clone()
    for step, value in enumerate(values, start=1):
        with torch.no_grad():
            weight.fill_(value)
        mean.update(network)
        decay = min(0.9, step / (10 + step))
        expected = decay * expected + (1 - decay) * value
    mean.copy_to(network)
    torch.testing.assert_close(weight.detach(), expected)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_a_weight_that_stands_still_stays(decay: float) -> None:
    network = narrow_detector()
    before = [value.clone() for value in network.state_dict().values()]
    mean = RunningMean(network, decay)
    for _ in range(3):
        mean.update(network)
    mean.copy_to(network)
    for kept, value in zip(before, network.state_dict().values(), strict=True):
        torch.testing.assert_close(kept, value)
