"""What images have shown of a network, for the passes that go by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """By tensor of the float32 graph: the largest absolute value seen, and the threshold beyond
    which a quantized tensor is clipped; empty where nothing was looked at.

    ``kept`` are layers (by ``regions.label``) that stay in float32. ``weight_bits`` 7 halves the
    range of quantized weights, so that no CPU without VNNI saturates (see ``docs/engines.md``).
    """

    absmax: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    weight_bits: int = 7
