"""Whether a model gives the same each time: with one that draws random numbers, nothing can be
compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporter.checks.tolerance import FLOOR, RELATIVE, difference, finite_absmax, largest
from sizewise.core.errors import ExportError
from sizewise.core.onnxfiles.chance import drawn_by

if TYPE_CHECKING:
    import onnx

Outputs = Mapping[str, NDArray[Any]]


def changed(one: Outputs, other: Outputs) -> str:
    """The first output that two runs on the same images gave differently, by more than rounding;
    empty where there is none."""
    for name, values in one.items():
        again = other[name]
        limit = RELATIVE * finite_absmax(values) + FLOOR
        if values.shape != again.shape or _furthest(values, again) > limit:
            return name
    return ""


def demand_repeatable(model: onnx.ModelProto, where: str, one: Outputs, other: Outputs) -> None:
    """Raises ExportError where two runs of a graph on the same images, ``where`` in words, gave
    different outputs."""
    if name := changed(one, other):
        raise random_error("model", where, name, drawn_by(model))


def random_error(what: str, where: str, output: str, drawn: str) -> ExportError:
    """The error of a module or a model whose ``output`` is random; ``drawn`` says by what, where
    that is known."""
    why = f"at {where}, its output {output} is another one each time that it is run"
    return ExportError(
        f"The {what} is random",
        f"{why}: {drawn}" if drawn else why,
        "Let it draw nothing in evaluation mode, dropout(maps, 0.5, self.training) for one; or "
        "make its random numbers an input.",
    )


def _furthest(one: NDArray[Any], other: NDArray[Any]) -> float:
    """The largest difference; infinite where one side alone is NaN."""
    off = difference(one, other)
    off[np.isnan(one) & np.isnan(other)] = 0.0
    return largest(np.nan_to_num(off, nan=np.inf, posinf=np.inf))
