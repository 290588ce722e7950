"""Options of the two TensorRT back ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sizewise.core.errors import UsageError
from sizewise.core.specs import BackendOptions

_MOST_MIB = 2**20
"""A TiB: more than any device has."""


@dataclass(frozen=True, kw_only=True)
class TensorRtOptions(BackendOptions):
    """Options that both TensorRT back ends have. Raises UsageError for a value that makes no sense.

    For the build: ``workspace_mib`` bounds a layer's scratch memory (MiB, 0: as much as there is),
    ``tiling`` is how hard the builder looks for tilings of its cache, ``tf32`` lets FP32 layers
    multiply with TF32's 10 bits of fraction, ``version_compatible`` makes plans that newer versions
    open, too, ``weights`` leaves them out of the plan (``stripped``) or makes them exchangeable
    (``refittable``).

    For the session: ``context_memory`` is reserved for the ``largest`` size of all profiles or for
    each ``shape`` anew; ``cuda_graphs`` records the launches of a shape after its first call and
    replays them, for at most ``cuda_graph_limit`` shapes at a time.
    """

    workspace_mib: int = 0
    tiling: Literal["none", "fast", "moderate", "full"] = "none"
    tf32: bool = False
    version_compatible: bool = False
    weights: Literal["inside", "refittable", "stripped"] = "inside"
    context_memory: Literal["largest", "shape"] = "largest"
    cuda_graphs: bool = True
    cuda_graph_limit: int = 8

    def __post_init__(self) -> None:
        if not 0 <= self.workspace_mib <= _MOST_MIB:
            raise _refused(
                f"workspace_mib is {self.workspace_mib}: it must be from 0 to {_MOST_MIB}"
            )
        if self.cuda_graph_limit < 1:
            raise _refused(f"cuda_graph_limit is {self.cuda_graph_limit}: it must be at least 1")


@dataclass(frozen=True, kw_only=True)
class DataCentreOptions(TensorRtOptions):
    """Options of TensorRT.

    ``hardware`` says which GPUs a plan is for: ``this`` one alone, all of its compute capability or
    all since Ampere. ``timing_cache`` keeps the timings of layers on disk, for the next build.
    """

    timing_cache: bool = True
    hardware: Literal["this", "same_capability", "ampere_plus"] = "this"


@dataclass(frozen=True, kw_only=True)
class RtxOptions(TensorRtOptions):
    """Options of TensorRT for RTX.

    ``capabilities`` are the compute capabilities that a plan is for (``7.5``, ``8.9``); none means
    all since Ampere.
    """

    capabilities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for one in self.capabilities:
            if not re.fullmatch(r"\d+\.\d", one):
                raise _refused(f"{one!r} isn't a compute capability: examples are 8.9 and 12.0")


def _refused(why: str) -> UsageError:
    return UsageError(
        "TensorRT can't be given these options",
        why,
        "Correct it, or leave it out; cuda_graphs=false turns graphs off.",
    )
