"""Which of several processes this one is, as ``torchrun`` tells it; without torch."""

from __future__ import annotations

import os

_TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def processes_told() -> int:
    """The number of processes that share a training: 1 where nobody started several."""
    return int(os.environ["WORLD_SIZE"]) if _are_told() else 1


def rank_told() -> int:
    """The number of this one among them, from 0 on."""
    return int(os.environ["RANK"]) if _are_told() else 0


def local_rank_told() -> int:
    """Its number among those of this machine, which is that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0")) if _are_told() else 0


def neighbours_told() -> int:
    """The number of processes on this machine, which share its cores."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if _are_told() else 1


def _are_told() -> bool:
    return all(os.environ.get(name) for name in _TOLD)
