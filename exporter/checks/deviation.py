"""The error of a converted network against its float32 parent, on the same images.

It is judged part by part: boxes, scores and so on. The error of a part is relative to the part's
own values, over all pictures of a size. A root mean square suits scores, which are nearly all close
to 0: in a sum of squares, one object at 0.5 counts as much as a million candidates at 0.0005, and a
picture without objects adds next to nothing. Where no picture has an object, scores are
exponentials of their logits, so that the relative error is about that of a logit.

A whole is never judged more strictly than its parts. Its relative error is a mean of theirs,
weighted by the squares of their values, so that the worst part's is as large or larger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporter.calibration.observe import Batches
from exporter.calibration.running import InnerSession
from exporter.checks.emulation import emulated
from exporter.checks.judging import Judged, Parts, as_wholes, pairs
from exporter.checks.repeating import demand_repeatable
from exporter.checks.tolerance import difference, finite_absmax, largest
from sizewise.core.errors import ExportError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import Deviation, Size

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]

_TINY = float(np.finfo(np.float32).tiny)
"""The divisor for a parent of zeros, so that the relative error in a card stays finite."""


def deviations(
    parent: onnx.ModelProto,
    converted: onnx.ModelProto,
    names: Sequence[str],
    batches: Batches,
    *,
    bound: float,
    parts: Parts = as_wholes,
    progress: Progress = SILENT,
) -> tuple[Deviation, ...]:
    """The error of each tensor of ``names``, or of each of its ``parts``, at each size, over all
    batches of that size.

    Both graphs run in ONNX Runtime without optimisations, ``converted`` in emulation. Raises
    ExportError where ``converted`` gives another number of values, or (``numerics``) values that
    are not finite, and where ``parent`` gives something else each time.
    """
    judged = Judged(names=tuple(names), parts=parts)
    reference, narrow = InnerSession(parent, names), InnerSession(emulated(converted), names)
    errors: dict[tuple[Size, str, str], _Error] = {}
    with progress.stage("Measuring the error", len(batches)) as stage:
        for size, batch in batches:
            expected, given = reference.run(size, batch), narrow.run(size, batch)
            if not errors:
                again = dict(zip(names, reference.run(size, batch), strict=True))
                first = dict(zip(names, expected, strict=True))
                demand_repeatable(parent, str(size), first, again)
            for name, ours, theirs in zip(names, expected, given, strict=True):
                _demand_shape(size, name, ours, theirs)
                _demand_finite(size, name, ours, theirs)
            for name, part, ours, theirs in pairs(judged, expected, given):
                errors.setdefault((size, name, part), _Error()).add(ours, theirs)
            stage.advance(note=str(size))
    return tuple(error.deviation(*place, bound) for place, error in errors.items())


@dataclass
class _Error:
    """The error of one tensor or part, summed over several batches."""

    largest: float = 0.0
    absmax: float = 0.0
    squares: float = 0.0
    parent_squares: float = 0.0

    def add(self, expected: Array, given: Array) -> None:
        off = difference(expected, given)
        self.largest = max(self.largest, largest(off))
        self.absmax = max(self.absmax, finite_absmax(expected))
        self.squares += _squares(off)
        self.parent_squares += _squares(expected[np.isfinite(expected)])

    def deviation(self, size: Size, output: str, part: str, bound: float) -> Deviation:
        share = math.sqrt(self.squares / max(self.parent_squares, _TINY))
        return Deviation(
            size=size,
            output=output,
            part=part,
            max_abs_error=self.largest,
            absmax=self.absmax,
            relative_error=share,
            bound=bound,
        )


class RelativeError:
    """The error of the tensors ``names`` of converted graphs, or of their ``parts``; the parent
    runs only once."""

    def __init__(
        self,
        parent: onnx.ModelProto,
        names: Sequence[str],
        batches: Batches,
        parts: Parts = as_wholes,
    ) -> None:
        session = InnerSession(parent, names)
        self._judged, self._batches = Judged(names=tuple(names), parts=parts), batches
        self._expected = [session.run(size, batch) for size, batch in batches]

    def __call__(self, converted: onnx.ModelProto) -> float:
        """The largest relative root mean square error of any of them; infinite where a value is."""
        session = InnerSession(emulated(converted), self._judged.names)
        sums: dict[tuple[str, str], Array] = {}
        for (size, batch), expected in zip(self._batches, self._expected, strict=True):
            given = session.run(size, batch)
            for name, part, ours, theirs in pairs(self._judged, expected, given):
                both = np.array([_squares(ours - theirs), _squares(ours)])
                sums[name, part] = sums.get((name, part), np.zeros(2)) + both
        errors, values = np.array(list(sums.values())).reshape(-1, 2).T
        relative = np.sqrt(errors / np.maximum(values, _TINY))
        return float(np.nan_to_num(relative, nan=np.inf, posinf=np.inf).max(initial=0.0))


def _squares(values: Array) -> float:
    return float(np.square(values, dtype=np.float64).sum())


def _demand_shape(size: Size, name: str, expected: Array, given: Array) -> None:
    if given.shape != expected.shape:
        raise ExportError(
            "The model can't be compared with its float32 parent",
            f"at {size}, {name} is {list(given.shape)} and was {list(expected.shape)}: its shape "
            "depends on its values",
            "Start from a file without NMS in its graph.",
        )


def _demand_finite(size: Size, name: str, expected: Array, given: Array) -> None:
    if not np.isfinite(given[np.isfinite(expected)]).all():
        raise ExportError(
            "The model overflows in this precision",
            f"at {size}, {name} has values that are not finite, though in float32 all are",
            f"Give {spelled('calibrate')} pictures like those that the model is meant for, so that "
            "layers near the type's largest value stay in float32; or choose bf16.",
            reason_code="numerics",
        )
