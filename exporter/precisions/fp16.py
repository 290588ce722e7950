"""Float16 (IEEE 754 binary16): 11 bits of precision, values up to 65,504."""

from __future__ import annotations

from exporter.precisions._base import Precision
from exporter.precisions._typed import Typed
from exporter.precisions._watched import layer_values

FLOAT16 = 10
_OPSET = 13

PRECISIONS = (
    Precision(
        name="fp16",
        make=lambda evidence: Typed("fp16", FLOAT16, evidence),
        opset=_OPSET,
        watched=layer_values,
        bound=0.01,
        number=1,
    ),
)
