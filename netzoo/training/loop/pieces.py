"""Batches in pieces that memory holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import torch

from netzoo.losses._registry import Targets
from netzoo.training.loading.batches import Batch

_OF_THE_HOST = ("DefaultCPUAllocator", "can't allocate memory", "not enough memory")


@dataclass(kw_only=True)
class Division:
    """Into how many pieces each batch is divided; it doubles where memory runs out."""

    pieces: int = 1


def pieces_of(batch: Batch, count: int) -> Iterator[Batch]:
    """``batch`` in at most ``count`` pieces of about as many images; at least one in each."""
    images = len(batch.images)
    count = min(count, images)
    ends = [images * number // count for number in range(count + 1)]
    for start, end in pairwise(ends):
        yield batch if count == 1 else _piece(batch, start, end)


def _piece(batch: Batch, start: int, end: int) -> Batch:
    targets = batch.targets
    mine = (targets.images >= start) & (targets.images < end)
    return replace(
        batch,
        images=batch.images[start:end],
        targets=Targets(
            images=targets.images[mine] - start,
            labels=targets.labels[mine],
            boxes=targets.boxes[mine],
            whole=None if targets.whole is None else targets.whole[start:end],
            masks=None if targets.masks is None else targets.masks[start:end],
        ),
    )


def memory_ran_out(error: BaseException) -> bool:
    """Whether an error says that there is no more memory, of a GPU or of this machine."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in _OF_THE_HOST)
