"""ONNX's operators, as functions that torch's exporter records."""

from __future__ import annotations

from typing import Any


def operators() -> Any:
    """Those of opset 18, which torch's own translations use, too."""
    from onnxscript import opset18

    return opset18
