"""The settings of OpenVINO's plug-in for CPUs, and whether it took them."""

from __future__ import annotations

import sys
from typing import Any

from engines.subnormals import CpuOptions
from sizewise.core.machine.cores import physical_cores
from sizewise.core.specs import EngineSpec, ExportedModel

_PRECISION = "INFERENCE_PRECISION_HINT"
_PINNING = "ENABLE_CPU_PINNING"
_HYPER_THREADING = "ENABLE_HYPER_THREADING"
_CORE_TYPE = "SCHEDULING_CORE_TYPE"
_FLUSH = "CPU_DENORMALS_OPTIMIZATION"
_QUANTIZING = "DYNAMIC_QUANTIZATION_GROUP_SIZE"
"""Of the activations of products whose weights are stored as integers; 0: they stay as they are."""
HINTS = {
    **{"fp32": "f32", "int8": "f32", "fp16": "f16", "bf16": "bf16"},
    **{"int8+fp16": "f16", "int8+bf16": "bf16"},
}
"""Precision of the graph → what its floating-point layers are to run in."""


def config_of(model: ExportedModel, spec: EngineSpec) -> dict[str, str]:
    """The plug-in's configuration: its own defaults by name, so that no hint chooses others.

    Unless it is told to use hyper-threads, it drops them, and gives fewer threads than requested.
    """
    flush = {_FLUSH: "YES"} if spec.options.own(CpuOptions).flush_subnormals else {}
    return flush | {
        _PRECISION: HINTS[model.card.precision],
        "INFERENCE_NUM_THREADS": str(spec.threads),
        "NUM_STREAMS": str(spec.streams),
        _PINNING: "YES" if pins() else "NO",
        _HYPER_THREADING: "YES" if hyper_threads(spec.threads) else "NO",
        _CORE_TYPE: "ANY_CORE",
        _QUANTIZING: "0",
    }


def pins() -> bool:
    """Whether the plug-in pins threads unless told otherwise (OpenVINO's guide, "CPU device")."""
    return sys.platform == "linux"


def hyper_threads(threads: int) -> bool:
    return threads > physical_cores()


def mismatch(compiled: Any, config: dict[str, str]) -> str:
    """How the plug-in's settings differ from those it was given; empty where they don't.

    A precision that it widens is seen in its layers, and may be allowed; one that it narrows never
    is.
    """
    for name in config.keys() - {_PRECISION}:
        taken = _spelled(compiled.get_property(name))
        if taken != config[name]:
            return f"{name} is {taken}, not {config[name]}"
    hint = compiled.get_property(_PRECISION).to_string()
    if config[_PRECISION] == "f32" != hint:
        return f"{_PRECISION} is {hint}, not f32"
    return ""


def _spelled(taken: object) -> str:
    """A property as its configuration spells it: ``True`` is YES, ``SchedulingCoreType.ANY_CORE``
    is ANY_CORE."""
    if isinstance(taken, bool):
        return "YES" if taken else "NO"
    return str(taken).rpartition(".")[2]
