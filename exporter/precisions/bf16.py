"""Bfloat16: 8 bits of precision, the range of float32. Convolutions take it from opset 22."""

from __future__ import annotations

from functools import partial

from exporter.precisions._base import Precision
from exporter.precisions._typed import Typed, limit_of
from exporter.precisions._watched import layer_values_beside_huge

BFLOAT16 = 16
_OPSET = 22

PRECISIONS = (
    Precision(
        name="bf16",
        make=lambda evidence: Typed("bf16", BFLOAT16, evidence),
        opset=_OPSET,
        # Its largest value is below that of float32, which becomes infinity.
        watched=partial(layer_values_beside_huge, most=limit_of(BFLOAT16)),
        bound=0.05,
        number=1,
    ),
)
