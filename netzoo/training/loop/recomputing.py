"""Gradient checkpointing that leaves BatchNorm's statistics unchanged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


@contextmanager
def recomputing(network: nn.Module, *, at_all: bool = True) -> Iterator[None]:
    """Within the block, each part of ``network`` with about as many convolutions as there are such
    parts keeps its inputs alone (Chen et al. 2016, §4.1: the square root of all)."""
    units = list(_units(network, math.sqrt(_convolutions(network)))) if at_all else []
    for unit in units:
        # Not for good: a copy of the network would compute with the weights of this one.
        unit.__dict__["forward"] = partial(recomputed, unit, call=unit.forward)
    try:
        yield
    finally:
        for unit in units:
            del unit.__dict__["forward"]


def _units(module: nn.Module, most: float) -> Iterator[nn.Module]:
    """The outermost modules of at most so many convolutions, or of one with what follows it."""
    for child in module.children():
        count = _convolutions(child)
        if count > max(1.0, most) or isinstance(child, nn.ModuleList):
            yield from _units(child, most)
        elif count and not isinstance(child, nn.Conv2d):
            yield child


def _convolutions(module: nn.Module) -> int:
    return sum(isinstance(part, nn.Conv2d) for part in module.modules())


def recomputed(module: nn.Module, *inputs: Tensor, call: Callable[..., Any] | None = None) -> Any:
    """``module(*inputs)``, with inner values recomputed in the backward pass to save memory.
    ``call`` computes it instead of the module itself.

    See Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
    """

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _statistics_at_rest(module)

    first: Callable[..., Any] = checkpoint
    return first(call or module, *inputs, use_reentrant=False, context_fn=contexts)


@contextmanager
def _statistics_at_rest(module: nn.Module) -> Iterator[None]:
    """Freeze the statistics: the second pass sees the same images, which must count only once."""
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    before = [(norm.momentum, _copied(norm.num_batches_tracked)) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked = count


def _copied(count: Tensor | None) -> Tensor | None:
    return None if count is None else count.clone()
