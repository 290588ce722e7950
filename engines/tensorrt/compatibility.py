"""The GPUs, systems and versions that a plan is bound to."""

from __future__ import annotations

import platform
import re

from engines.tensorrt.options import DataCentreOptions, RtxOptions, TensorRtOptions
from sizewise.core.machine.nvidia import Devices

_AMPERE = 8.0


def target_of(options: TensorRtOptions, devices: Devices) -> str:
    """The target of a plan in words: equal where it can be opened.

    TensorRT's plans depend on the system and on the first GPU, as far as ``hardware`` says; those
    for RTX on the compute capabilities they were made for, and on no system (TensorRT-RTX
    documentation, "CPU-Only AOT and TensorRT-RTX Engines").
    """
    if isinstance(options, RtxOptions):
        named = ", ".join(options.capabilities)
        return f"RTX GPUs of compute capability {named}" if named else "RTX GPUs since Ampere"
    return f"{platform.system()} {platform.machine()}, {_gpu(options, devices)}"


def why_not_here(options: TensorRtOptions, devices: Devices) -> str:
    """Why a plan for RTX does not run on the first GPU; empty where it does, or where there is no
    GPU."""
    if not (isinstance(options, RtxOptions) and devices.found):
        return ""
    first = devices.found[0]
    if options.capabilities:
        fits = first.capability in options.capabilities
    else:
        fits = float(first.capability) >= _AMPERE
    where = f"{first.name} has compute capability {first.capability}"
    return "" if fits else f"it is for {target_of(options, devices)}, and {where}"


def is_newer(here: str, built: str) -> bool:
    """Whether version ``here`` opens the version-compatible plans of ``built``: those of its own
    major version, up to itself (NVIDIA's developer guide, "Version Compatibility")."""
    ours, theirs = (tuple(map(int, re.findall(r"\d+", v))) for v in (here, built))
    return ours[:1] == theirs[:1] and ours >= theirs


def _gpu(options: TensorRtOptions, devices: Devices) -> str:
    hardware = options.hardware if isinstance(options, DataCentreOptions) else "this"
    if hardware == "ampere_plus":
        return "any GPU since Ampere"
    if not devices.found:
        return "no GPU"
    first = devices.found[0]
    return f"compute capability {first.capability}" if hardware != "this" else first.name
