"""Convolutions in 8 bits, and all else up to the heads in 16 where int8 and fp8 keep float32.

So are the layers that 8 bits harm. NVIDIA's guides and OpenVINO's hints mean this by INT8: what is
not quantized runs in FP16 or BF16.
"""

from __future__ import annotations

from dataclasses import replace

from exporter.precisions import bf16, fp8, fp16, int8
from exporter.precisions._base import Precision
from exporter.precisions._evidence import Evidence
from exporter.precisions._mixed import Mixed
from exporter.precisions._quantized import Grid, Quantized
from exporter.precisions._typed import Typed

_OPSET = 19
"""The first whose QuantizeLinear takes 16-bit types."""


def _mixed(narrow: Precision, grid: Grid, wide: Precision, data_type: int) -> Precision:
    """``narrow``, which quantizes to ``grid``, and ``wide``, which converts to ``data_type``."""

    def make(evidence: Evidence) -> Mixed:
        everything = replace(evidence, excluded=frozenset())
        return Mixed(
            Quantized(grid, evidence, scale_type=data_type),
            Typed(wide.name, data_type, everything),
        )

    return Precision(
        name=f"{narrow.name}+{wide.name}",
        make=make,
        by_layer=narrow.make,
        opset=max(_OPSET, narrow.opset, wide.opset),
        watched=narrow.watched,
        bounded=wide.watched,
        calibrated=True,
        bound=narrow.bound,
        number=3,
    )


_INT8, _FP8, _FP16, _BF16 = (one.PRECISIONS[0] for one in (int8, fp8, fp16, bf16))

PRECISIONS = (
    _mixed(_INT8, int8.INT8, _FP16, fp16.FLOAT16),
    _mixed(_INT8, int8.INT8, _BF16, bf16.BFLOAT16),
    _mixed(_FP8, fp8.FP8, _FP16, fp16.FLOAT16),
)
