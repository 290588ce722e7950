"""OpenVINO's own profile of an engine, and the ONNX nodes that its nodes are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engines.profiles import CALLS, FIRST_CALLS

_ROUNDS = 3
_CONVOLUTION = "/WithoutBiases"
"""Ends the name of a convolution or product that OpenVINO's reader parts from its bias."""
_MICROSECONDS = 1e6


def times_of(compiled: list[Any], bound: Mapping[str, Any]) -> Mapping[str, float]:
    """Microseconds of each node in one call: the mean over the calls of the fastest of models that
    were compiled alike, for other programs only add to them.

    A model's counters hold the mean of all its calls so far, so those of the first are subtracted.
    """
    rounds = [_mean(model, bound) for model in compiled]
    return min(rounds, key=lambda one: sum(one.values()))


def rounds_of() -> range:
    """One model is compiled for each."""
    return range(_ROUNDS)


def _mean(compiled: Any, bound: Mapping[str, Any]) -> dict[str, float]:
    request = compiled.create_infer_request()
    for name, tensor in bound.items():
        request.set_tensor(name, tensor)
    first = _after(request, FIRST_CALLS)
    every = _after(request, CALLS)
    total = FIRST_CALLS + CALLS
    return {
        name: max(0.0, (us * total - first.get(name, 0.0) * FIRST_CALLS) / CALLS)
        for name, us in every.items()
    }


def _after(request: Any, calls: int) -> dict[str, float]:
    for _ in range(calls):
        request.infer()
    return dict(_counted(request.profiling_info))


def _counted(profile: Any) -> Iterator[tuple[str, float]]:
    for one in profile:
        yield one.node_name, one.real_time.total_seconds() * _MICROSECONDS


def made_of(info: Mapping[str, Any]) -> tuple[str, ...]:
    """The nodes of the file that a node is made of, by the runtime's list of their names."""
    listed = str(info.get("originalLayersNames", "")).split(",")
    return tuple(dict.fromkeys(name.removesuffix(_CONVOLUTION) for name in listed if name))
