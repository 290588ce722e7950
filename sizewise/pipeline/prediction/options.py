"""The options of ``sizewise predict``."""

from __future__ import annotations

from dataclasses import dataclass

from netzoo.tasks.reading import ReadingOptions
from netzoo.tasks.showing import PictureOptions
from sizewise.core.options import option
from sizewise.core.reading import SIZE, optional
from sizewise.core.specs import Size
from sizewise.pipeline.trust import MODEL, EngineOptions


@dataclass(frozen=True, kw_only=True)
class PredictOptions(EngineOptions, PictureOptions, ReadingOptions):
    """The options of ``sizewise predict`` beside the model and the pictures."""

    size: Size | None = option(
        optional(SIZE),
        None,
        help="Input size in pixels, height x width: 416 or 384x640.",
        group=MODEL,
        shown="the model's own, or 416",
    )
