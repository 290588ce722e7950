"""The value ranges observed in a network, which the precision passes use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Value ranges by tensor of the float32 graph; empty where nothing was observed.

    ``absmax`` is the largest magnitude, ``least`` the smallest value or 0, ``thresholds`` the
    magnitude beyond which a quantized tensor is clipped. ``excluded`` are layers (by
    ``regions.label``) that are not converted: in a mixed precision, they run in 16 bits and else in
    float32. ``heads`` are those of the last layers that are quantized, too. ``shifts`` [C] are
    added to the bias of a quantized convolution, by its output. ``weight_bits`` 7 halves the range
    of quantized weights, so that no CPU without VNNI saturates (see ``docs/engines.md``).
    """

    absmax: Mapping[str, float] = field(default_factory=dict)
    least: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    heads: frozenset[str] = frozenset()
    shifts: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    weight_bits: int = 7
