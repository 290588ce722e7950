"""Whether a module runs at a size, found by running it."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from exporter.checks.probes import Probe
from exporter.checks.sides import Runs
from exporter.modules.calling import outputs_of
from sizewise.core.specs import Size


def trial_of(
    module: nn.Module, kind_of: Callable[[object, Size], object], near: Size, like: Probe
) -> Runs:
    """Whether ``module`` runs at a size, by a call ``like`` this one, and gives outputs of the same
    kind as at ``near``: masks of the images' size, say."""

    def kind_at(size: Size) -> object:
        try:
            return kind_of(outputs_of(module, like.at(like.batch_size, size)), size)
        except Exception:  # noqa: BLE001 - it is the user's program, and may raise any
            return None

    wanted = kind_at(near)

    def runs(size: Size) -> bool:
        kind = kind_at(size)
        return kind is not None and kind == (wanted or kind)

    return runs
