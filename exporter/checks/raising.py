"""Whether a graph at a newer opset still computes what it did.

ONNX's converter has changed results before (onnx/onnx#8480 moved the pixels of a Resize), and what
it breaks would otherwise be blamed on the precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.calibration.observe import Batches
from exporter.calibration.running import InnerSession
from exporter.checks.tolerance import difference, finite_absmax, largest
from exporter.graph.opsets import opset_of
from sizewise.core.errors import ExportError
from sizewise.core.ranked.sets import as_sets

if TYPE_CHECKING:
    import onnx

_RELATIVE, _ABSOLUTE = 1e-3, 1e-5
"""Sums in another order differ by less; pixels that are looked up elsewhere by much more."""


def demand_same(
    before: onnx.ModelProto, after: onnx.ModelProto, names: Sequence[str], batches: Batches
) -> None:
    """Raises ExportError where a tensor of ``names`` differs by more than rounding explains."""
    old, new = InnerSession(before, names), InnerSession(after, names)
    for size, batch in batches:
        expected = dict(zip(names, old.run(size, batch), strict=True))
        found = as_sets(expected, dict(zip(names, new.run(size, batch), strict=True)))
        for name, ours in expected.items():
            same_shape = ours.shape == found[name].shape
            off = largest(difference(ours, found[name])) if same_shape else float("inf")
            reach = finite_absmax(ours)
            if not off <= _RELATIVE * reach + _ABSOLUTE:
                raise ExportError(
                    f"The model can't be raised from opset {opset_of(before)} to {opset_of(after)}",
                    f"onnx's converter changes its results: at {size}, {name} is {off:.3g} off, of "
                    f"{reach:.3g}",
                    f"Export it again at opset {opset_of(after)} or above.",
                    reason_code="numerics",
                )
