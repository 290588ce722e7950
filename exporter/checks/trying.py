"""Whether a module runs at a size, found by running it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from exporter.checks.sides import Runs
from exporter.modules.further import tensors_of
from sizewise.core.specs import FurtherInput, Size


def trial_of(
    module: nn.Module,
    kind_of: Callable[[object, Size], object],
    near: Size,
    further: tuple[FurtherInput, ...] = (),
) -> Runs:
    """Whether ``module`` runs at a size, by a call with a batch of two images of noise, and gives
    outputs of the same kind as at ``near``: masks of the images' size, say."""

    def kind_at(size: Size) -> object:
        images = torch.rand(2, 3, size.height, size.width)
        try:
            with torch.inference_mode():
                return kind_of(module(images, *tensors_of(further, 2, size)), size)
        except Exception:  # noqa: BLE001 - it is the user's program, and may raise any
            return None

    wanted = kind_at(near)

    def runs(size: Size) -> bool:
        kind = kind_at(size)
        return kind is not None and kind == (wanted or kind)

    return runs
