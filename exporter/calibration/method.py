"""What a calibration method is: from how values are distributed to how far a quantiser reaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exporter.calibration.distribution import Distribution
from sizewise.core.discover import Registry


@dataclass(frozen=True, kw_only=True)
class Method:
    """``threshold`` gives the magnitude that becomes the largest quantised one; what is larger is
    clipped. It lies in (0, absmax], and is 0 only for a tensor of zeros."""

    name: str
    needs_histogram: bool
    threshold: Callable[[Distribution], float]


_METHODS: Registry[Method] = Registry(
    "calibration method", "exporter.calibration.methods", "METHODS"
)

methods = _METHODS.all
"""Those of ``exporter.calibration.methods``, by name."""

find_method = _METHODS.find
"""Raises UsageError, which lists those there are."""
