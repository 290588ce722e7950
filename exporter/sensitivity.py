"""Which layers a precision hurts: found by putting each of them alone into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exporter.checks.deviation import RelativeError
from exporter.convert import Conversion
from exporter.graph.passes import NothingNarrowedError
from sizewise.core.errors import ExportError
from sizewise.core.progress import SILENT, Progress


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """``error`` is the relative root mean square error at the heads where this layer alone is
    narrow (0: none)."""

    layer: str
    error: float


def layer_errors(conversion: Conversion, progress: Progress = SILENT) -> tuple[Sensitivity, ...]:
    """Of every layer that the precision changes, the worst first; at the middle one of the sizes
    that were looked at."""
    sizes = sorted(conversion.looks.sizes, key=lambda size: size.pixels)
    batches = conversion.batches(sizes[len(sizes) // 2 :][:1])
    error = RelativeError(conversion.prepared, conversion.heads, batches)
    found = []
    with progress.stage("Measuring each layer", len(conversion.layers)) as stage:
        for layer in conversion.layers:
            others = [name for name in conversion.layers if name != layer]
            stage.advance(note=layer)
            try:
                graph = conversion.graph(others)
            except NothingNarrowedError:  # this layer is not the precision's
                continue
            found.append(Sensitivity(layer=layer, error=error(graph)))
    return tuple(sorted(found, key=lambda one: one.error, reverse=True))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The layers to keep in float32 and the drop that remains, in points."""

    kept: tuple[str, ...]
    drop: float


def keep_least(
    ranked: tuple[Sensitivity, ...], drop: Callable[[tuple[str, ...]], float], limit: float
) -> Choice:
    """The fewest of the most sensitive layers, by doubling and then halving, whose keeping brings
    ``drop`` to ``limit`` points or below. Raises ExportError, which names the worst layers, where
    even half of them do not.
    """
    names = tuple(one.layer for one in ranked)
    most = len(names) // 2
    low, high, best = 0, 1, None
    while best is None:
        high = min(high, most)
        left = drop(names[:high])
        if left <= limit:
            best = Choice(kept=names[:high], drop=left)
        elif high >= most:
            raise _not_enough(ranked, left, limit)
        else:
            low, high = high, 2 * high
    while len(best.kept) - low > 1:
        middle = (low + len(best.kept)) // 2
        left = drop(names[:middle])
        if left <= limit:
            best = Choice(kept=names[:middle], drop=left)
        else:
            low = middle
    return best


def _not_enough(ranked: tuple[Sensitivity, ...], left: float, limit: float) -> ExportError:
    worst = ", ".join(f"{one.layer} ({one.error:.1%})" for one in ranked[:5])
    return ExportError(
        f"The accuracy drops by more than {limit:g} points",
        f"{left:.2f} are lost with the {len(ranked) // 2} most sensitive layers in float32; "
        f"the worst are {worst}",
        "Calibrate on more pictures or another --method, choose bf16 or fp16, or allow more with "
        "--max-drop.",
        reason_code="numerics",
    )
