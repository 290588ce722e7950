"""How far a network in another precision is from its float32 parent, on the same images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporter.calibration.observe import Batches
from exporter.calibration.running import InnerSession
from exporter.emulation import emulated
from exporter.tolerance import difference, finite_absmax, largest
from sizewise.errors import ExportError
from sizewise.progress import SILENT, Progress
from sizewise.specs import ParityCheck, Size

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]


def deviations(
    parent: onnx.ModelProto,
    made: onnx.ModelProto,
    names: Sequence[str],
    batches: Batches,
    *,
    bound: float,
    progress: Progress = SILENT,
) -> tuple[ParityCheck, ...]:
    """By size and tensor of ``names``, the largest error over all batches of that size; what is
    tolerated is ``bound`` of the parent's largest value there.

    Both run in ONNX Runtime without optimisations, ``made`` as what it computes (``emulation``).
    Raises ExportError where ``made`` gives another number of values, or (``numerics``) what is not
    finite.
    """
    found: dict[tuple[Size, str], ParityCheck] = {}
    with progress.stage("Measuring the error", len(batches)) as stage:
        for size, batch, expected, given in _pairs(parent, made, names, batches):
            for name, one, other in zip(names, expected, given, strict=True):
                _demand_shape(size, name, one, other)
                _demand_finite(size, name, one, other)
                check = ParityCheck(
                    batch_size=len(batch),
                    size=size,
                    output=name,
                    max_abs_error=largest(difference(one, other)),
                    absmax=finite_absmax(one),
                    tolerance=0.0,
                )
                found[size, name] = _worse(found.get((size, name)), check, bound)
            stage.advance(note=str(size))
    return tuple(found.values())


class RelativeError:
    """Of tensors ``names`` of other graphs, on ``batches`` that the parent has seen once."""

    def __init__(self, parent: onnx.ModelProto, names: Sequence[str], batches: Batches) -> None:
        session = InnerSession(parent, names)
        self._names, self._batches = names, batches
        self._expected = [session.run(size, batch) for size, batch in batches]

    def __call__(self, made: onnx.ModelProto) -> float:
        """The root mean square of the error over that of the parent's values (0: none), where it
        is worst; infinite where a value is not finite."""
        session = InnerSession(emulated(made), self._names)
        errors, values = np.zeros(len(self._names)), np.zeros(len(self._names))
        for (size, batch), expected in zip(self._batches, self._expected, strict=True):
            given = session.run(size, batch)
            errors += [_squares(a - b) for a, b in zip(expected, given, strict=True)]
            values += [_squares(a) for a in expected]
        relative = np.sqrt(errors / np.maximum(values, np.finfo(np.float32).tiny))
        return float(np.nan_to_num(relative, nan=np.inf, posinf=np.inf).max(initial=0.0))


def _squares(values: Array) -> float:
    return float(np.square(values, dtype=np.float64).sum())


def _pairs(
    parent: onnx.ModelProto, made: onnx.ModelProto, names: Sequence[str], batches: Batches
) -> Iterator[tuple[Size, Array, list[Array], list[Array]]]:
    reference, narrow = InnerSession(parent, names), InnerSession(emulated(made), names)
    for size, batch in batches:
        yield size, batch, reference.run(size, batch), narrow.run(size, batch)


def _worse(before: ParityCheck | None, check: ParityCheck, bound: float) -> ParityCheck:
    absmax = max(check.absmax, before.absmax if before else 0.0)
    error = max(check.max_abs_error, before.max_abs_error if before else 0.0)
    return ParityCheck(
        batch_size=check.batch_size,
        size=check.size,
        output=check.output,
        max_abs_error=error,
        absmax=absmax,
        tolerance=bound * absmax,
    )


def _demand_shape(size: Size, name: str, expected: Array, given: Array) -> None:
    if given.shape != expected.shape:
        raise ExportError(
            "The model can't be compared with its float32 parent",
            f"at {size}, {name} is {list(given.shape)} and was {list(expected.shape)}: how many "
            "values there are depends on the values themselves",
            "Start from a file without suppression in its graph.",
        )


def _demand_finite(size: Size, name: str, expected: Array, given: Array) -> None:
    if not np.isfinite(given[np.isfinite(expected)]).all():
        raise ExportError(
            "The model overflows in this precision",
            f"at {size}, {name} is not finite, and in float32 it is",
            "Give --calibrate with pictures like those it is for: layers that come near the type's "
            "end then stay in float32; or choose bf16.",
            reason_code="numerics",
        )
