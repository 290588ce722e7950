"""The device memory that an engine itself says it needs (NVIDIA's developer guide, "How TensorRT
uses Memory"); before there is an engine, its builder logs it (``engines.tensorrt.log``)."""

from __future__ import annotations

from typing import Any

from sizewise.core.specs import EngineMemory


def read_memory(trt: Any, engine: Any, logged: EngineMemory | None) -> EngineMemory | None:
    """The memory that the engine needs; None where nothing is known of its weights.

    Where a version has no statistics of the weights, those that the builder ``logged`` count.
    """
    weights_bytes = _weights(trt, engine) or (logged.weights_bytes if logged else None)
    if weights_bytes is None:
        return None
    profiles = range(engine.num_optimization_profiles)
    return EngineMemory(
        weights_bytes=weights_bytes,
        context_bytes=tuple(engine.get_device_memory_size_for_profile_v2(i) for i in profiles),
    )


def _weights(trt: Any, engine: Any) -> int | None:
    if not hasattr(engine, "get_engine_stat"):
        return None
    try:
        found = int(engine.get_engine_stat(trt.EngineStat.TOTAL_WEIGHTS_SIZE))
    except TypeError:  # some 10.x would keep the engine alive by the number, and can't
        return None
    return found if found > 0 else None
