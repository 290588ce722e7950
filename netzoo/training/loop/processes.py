"""Processes that share the steps of a training: each computes its part of the images, and all have
the same weights (PyTorch's DistributedDataParallel, as ``torchrun`` starts it)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from netzoo.training.loop.ranks import processes_told, rank_told
from netzoo.training.settings import TrainingSettings
from sizewise.core.errors import UsageError

T = TypeVar("T")
_BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}
PATIENCE = timedelta(days=1)
"""So long, a process waits for another: for the first one while that validates, which takes hours
where data are many and cores few (PyTorch's own is 10 to 30 minutes). One that ends is missed at
once, or torchrun ends them all."""


@dataclass(frozen=True, kw_only=True)
class Processes:
    """``rank`` is this one's number among ``count``. Each method is called by all of them."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that evaluates, writes and reports."""
        return self.rank == 0

    def model(self, network: nn.Module, device: torch.device, *, some_unused: bool) -> nn.Module:
        """What the images go through, so that all get the mean of their gradients. ``some_unused``:
        not every weight has a gradient in every step."""
        if self.count == 1:
            return network
        devices = [device] if device.type == "cuda" else None
        return DistributedDataParallel(
            network, device_ids=devices, find_unused_parameters=some_unused
        )

    def added(self, numbers: Sequence[int]) -> tuple[int, ...]:
        """The sums over the processes."""
        if self.count == 1:
            return tuple(numbers)
        sums = torch.tensor(numbers)
        distributed.all_reduce(sums)
        return tuple(sums.tolist())

    def mean(self, parts: Mapping[str, float]) -> dict[str, float]:
        """The means over the processes, by name; what a process does not have is 0 there."""
        if self.count == 1:
            return dict(parts)
        each: list[Mapping[str, float]] = [{}] * self.count
        distributed.all_gather_object(each, dict(parts))
        names = dict.fromkeys(name for one in each for name in one)
        return {name: sum(one.get(name, 0.0) for one in each) / self.count for name in names}

    def together(self, found: Sequence[T]) -> list[T]:
        """What each of them found, in their order."""
        if self.count == 1:
            return list(found)
        each: list[Sequence[T]] = [()] * self.count
        distributed.all_gather_object(each, found)
        return [one for of_one in each for one in of_one]

    def of_first(self, value: bool) -> bool:
        """What the first one says."""
        if self.count == 1:
            return value
        told = [value]
        distributed.broadcast_object_list(told, src=0)
        return told[0]


ALONE = Processes()


@contextmanager
def joined(settings: TrainingSettings) -> Iterator[Processes]:
    """The processes of this training, once all of them are there. Raises UsageError where as many
    as the settings say were not started."""
    if settings.processes != processes_told():
        raise UsageError(
            f"The training can't be shared by {settings.processes} processes",
            f"{processes_told()} of them run",
            f"Start it with torchrun --nproc-per-node {settings.processes}.",
        )
    if settings.processes == 1:
        yield ALONE
        return
    distributed.init_process_group(_BACKENDS[settings.device], timeout=PATIENCE)
    try:
        yield Processes(rank=rank_told(), count=settings.processes)
    finally:
        distributed.destroy_process_group()
