"""What ``sizewise predict`` is told."""

from __future__ import annotations

from dataclasses import dataclass

from netzoo.tasks.reading import ReadingOptions
from sizewise.core.options import option
from sizewise.core.reading import SIZE, optional
from sizewise.core.specs import Size
from sizewise.pipeline.trust import MODEL, EngineOptions


@dataclass(frozen=True, kw_only=True)
class PredictOptions(EngineOptions, ReadingOptions):
    """What ``sizewise predict`` is told beside the model and the pictures."""

    size: Size | None = option(
        optional(SIZE),
        None,
        help="Size of the input in pixels, height x width: 416 or 384x640.",
        group=MODEL,
        shown="the model's own, or 416",
    )
