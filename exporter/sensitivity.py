"""Find the layers that a precision harms, by converting each of them alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exporter.convert import Conversion
from exporter.graph.passes import NothingNarrowedError
from sizewise.core.errors import ExportError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Progress

_NAMED = 5
"""Layers that an error names."""


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The error that one layer causes.

    ``error`` is the relative root mean square error where this layer alone is in the narrow type
    (0: no error): the largest of any head, and of any part of an output that holds several.
    """

    layer: str
    error: float


def layer_errors(conversion: Conversion, progress: Progress = SILENT) -> tuple[Sensitivity, ...]:
    """The error of every layer that the precision changes, the largest first.

    It is measured at the median calibration size.
    """
    error = conversion.relative_error(conversion.batches(conversion.settings.median_size))
    found = []
    with progress.stage("Measuring each layer", len(conversion.layers)) as stage:
        for layer in conversion.layers:
            stage.advance(note=layer)
            try:
                graph = conversion.alone(layer)
            except NothingNarrowedError:  # the precision leaves this layer as it is
                continue
            found.append(Sensitivity(layer=layer, error=error(graph)))
    return tuple(sorted(found, key=lambda one: one.error, reverse=True))


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """Layers to leave out of a precision, and the accuracy loss that remains, in points."""

    layers: tuple[str, ...]
    accuracy_loss: float


def fewest_excluded(
    ranked: tuple[str, ...],
    accuracy_loss: Callable[[tuple[str, ...]], float],
    limit: float,
) -> Exclusion:
    """The fewest of the first layers of ``ranked`` whose exclusion meets ``limit`` points.

    ``accuracy_loss`` measures the loss with the given layers excluded. The number of layers is
    doubled until the limit is met, and then bisected. Where half of the layers are not enough,
    these are given, with a loss above the limit.
    """
    most = len(ranked) // 2
    low, high, best = 0, 1, None
    while best is None:
        high = min(high, most)
        tried = Exclusion(layers=ranked[:high], accuracy_loss=accuracy_loss(ranked[:high]))
        if tried.accuracy_loss <= limit:
            best = tried
        elif high >= most:
            return tried
        else:
            low, high = high, 2 * high
    while len(best.layers) - low > 1:
        middle = (low + len(best.layers)) // 2
        loss = accuracy_loss(ranked[:middle])
        if loss <= limit:
            best = Exclusion(layers=ranked[:middle], accuracy_loss=loss)
        else:
            low = middle
    return best


def too_many_excluded(
    ranked: Sequence[Sensitivity], half: Exclusion, limit: float, rest: str
) -> ExportError:
    """The error where ``half`` of the layers in ``rest`` are not enough for ``limit`` points. It
    names the worst of ``ranked``."""
    worst = ", ".join(f"{one.layer} ({one.error:.1%})" for one in ranked[:_NAMED])
    return ExportError(
        f"The accuracy loss is above the limit of {limit:g} points",
        f"it is {half.accuracy_loss:.2f} points with the {len(half.layers)} most sensitive layers "
        f"in {rest}; the worst are {worst}",
        f"Calibrate on more pictures, try another {spelled('method')}, choose bf16 or fp16, or "
        f"raise {spelled('max_loss_points')}.",
        reason_code="numerics",
    )
