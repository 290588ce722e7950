"""Symmetric int8 with Q/DQ nodes, which TensorRT calls explicit quantization."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.precisions._base import Precision
from exporter.precisions._quantized import Grid, Quantized
from exporter.precisions._watched import quantized_values

_OPSET = 13
"""The first with a scale for each channel."""


def _rounded(scaled: NDArray[Any], largest: float) -> NDArray[Any]:
    rounded: NDArray[Any] = np.clip(np.rint(scaled), -largest, largest).astype(np.int8)
    return rounded


INT8 = Grid(
    name="int8",
    largest=127,
    largest_weight=lambda bits: 2 ** (bits - 1) - 1,
    rounded=_rounded,
    integer_bias=True,
)

PRECISIONS = (
    Precision(
        name="int8",
        make=lambda evidence: Quantized(INT8, evidence),
        opset=_OPSET,
        watched=quantized_values,
        calibrated=True,
        bound=0.2,
        number=4,
        head_steps=127,
    ),
)
