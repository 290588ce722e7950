"""The definition of a precision: its name, the tensors that it observes, and its pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.graph.passes import GraphPass
from exporter.precisions._evidence import Evidence

if TYPE_CHECKING:
    import onnx


def nothing(model: onnx.ModelProto) -> list[str]:
    """No tensors: the pass needs no value ranges."""
    del model
    return []


@dataclass(frozen=True, kw_only=True)
class Precision:
    """A precision, and what its pass needs.

    ``opset`` is the oldest that its graph needs. ``watched`` names the tensors of a graph whose
    value ranges the pass uses, ``bounded`` further ones of which it uses the largest magnitudes
    alone, which may be infinite. ``calibrated`` says that it requires images. ``by_layer`` makes
    the pass by which single layers are judged, where ``make`` changes the others, too.

    ``head_steps`` is the number of steps from 0 to the end of its range in which a back end may
    round what a last layer gives, by one scale for all channels; 0 where none does.

    ``bound`` is the largest relative error of an output (the error's root mean square over that of
    the values) at which an engine still counts as that network in this precision. ``number`` is
    raised by hand where a change of ours makes better files: those of before are made anew.
    """

    name: str
    make: Callable[[Evidence], GraphPass]
    by_layer: Callable[[Evidence], GraphPass] | None = None
    opset: int = 0
    watched: Callable[[onnx.ModelProto], list[str]] = nothing
    bounded: Callable[[onnx.ModelProto], list[str]] = nothing
    calibrated: bool = False
    bound: float = 0.0
    number: int = 0
    head_steps: int = 0
