"""FP8 E4M3FN: 4 bits of precision, values up to 448.

See Micikevicius et al. 2022, "FP8 Formats for Deep Learning".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.precisions._base import Precision
from exporter.precisions._quantized import Grid, Quantized
from exporter.precisions._watched import quantized_values

_OPSET = 19
"""The first whose QuantizeLinear knows the type."""


def _rounded(scaled: NDArray[Any], largest: float) -> NDArray[Any]:
    import ml_dtypes

    clipped: NDArray[Any] = np.clip(scaled, -largest, largest)
    return clipped.astype(ml_dtypes.float8_e4m3fn)


FP8 = Grid(name="fp8", largest=448, largest_weight=lambda _: 448, rounded=_rounded)

PRECISIONS = (
    Precision(
        name="fp8",
        make=lambda evidence: Quantized(FP8, evidence),
        opset=_OPSET,
        watched=quantized_values,
        calibrated=True,
        bound=0.3,
        number=4,
    ),
)
