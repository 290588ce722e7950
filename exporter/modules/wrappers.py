"""The module itself, where something is wrapped around it that has no part in a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sizewise.core.errors import InputError

if TYPE_CHECKING:
    from torch import nn


def unwrapped(module: nn.Module) -> nn.Module:
    """The module that ``torch.compile``, ``DataParallel`` or ``DistributedDataParallel`` wraps, at
    any depth. Compiled, it would be compiled again at each size that is tried.

    Raises InputError where it is TorchScript: that can't be captured.
    """
    import torch
    from torch import nn

    while True:
        if isinstance(inner := getattr(module, "_orig_mod", None), nn.Module):  # torch.compile's
            module = inner
        elif isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            module = module.module
        else:
            break
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError(
            "The module can't be exported",
            f"it is TorchScript ({type(module).__name__}), which keeps no Python to capture",
            "Give the module as it is before torch.jit.script or torch.jit.trace, with its "
            "weights: load_state_dict takes those of the scripted one.",
        )
    return module
