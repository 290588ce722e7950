"""Calibration methods: each chooses a quantization threshold from a distribution of values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exporter.calibration.distribution import Distribution
from sizewise.core.discover import Registry


@dataclass(frozen=True, kw_only=True)
class Method:
    """A calibration method.

    ``threshold`` gives the magnitude that becomes the largest quantized one; larger magnitudes are
    clipped. It lies in (0, absmax], and is 0 only for a tensor of zeros.
    """

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

AUTO = "auto"
"""In place of a method: all are tried, and the one of the least error at the heads is taken."""


def tried_methods(name: str) -> tuple[Method, ...]:
    """The method of this name, or all for AUTO. Raises UsageError, which lists those there are."""
    return tuple(methods().values()) if name == AUTO else (find_method(name),)
