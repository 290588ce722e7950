"""What a precision is: a name, the tensors it wants looked at, and a pass made from evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.graph.passes import GraphPass
from exporter.precisions._evidence import Evidence

if TYPE_CHECKING:
    import onnx


def nothing(model: onnx.ModelProto) -> list[str]:
    del model
    return []


@dataclass(frozen=True, kw_only=True)
class Precision:
    """``opset`` is the least that its graph needs. ``watched`` names the tensors of a graph whose
    ranges the pass goes by. ``calibrated`` says that it can't do without images.

    ``bound`` is how large the relative error of an output may be (the error's root mean square over
    that of the values) for an engine to count as that network in this precision.
    """

    name: str
    make: Callable[[Evidence], GraphPass]
    opset: int = 0
    watched: Callable[[onnx.ModelProto], list[str]] = nothing
    calibrated: bool = False
    bound: float = 0.0
