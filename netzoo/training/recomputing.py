"""Gradient checkpointing that leaves BatchNorm's statistics unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def recomputed(module: nn.Module, images: Tensor) -> Any:
    """``module(images)``, with inner values recomputed in the backward pass to save memory.

    See Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
    """

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _statistics_at_rest(module)

    first: Callable[..., Any] = checkpoint
    return first(module, images, use_reentrant=False, context_fn=contexts)


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
