"""Bfloat16: 8 bits of precision, the range of float32. Convolutions take it from opset 22."""

from __future__ import annotations

from exporter.precisions._base import Precision
from exporter.precisions._typed import Typed

BFLOAT16 = 16
_OPSET = 22

PRECISIONS = (
    Precision(
        name="bf16",
        make=lambda evidence: Typed("bf16", BFLOAT16, evidence),
        opset=_OPSET,
        bound=0.05,
        number=1,
    ),
)
