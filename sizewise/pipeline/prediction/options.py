"""The options of ``sizewise predict``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netzoo.tasks.reading import ReadingOptions
from netzoo.tasks.showing import PictureOptions
from sizewise.core.options.declared import option
from sizewise.core.options.reading import PATH, SIZE, optional
from sizewise.core.specs import Size
from sizewise.pipeline.models.trust import MODEL, EngineOptions


@dataclass(frozen=True, kw_only=True)
class RunOptions(PictureOptions, ReadingOptions):
    """How pictures are given to a model, and how its outputs are read."""


@dataclass(frozen=True, kw_only=True)
class PredictOptions(EngineOptions, RunOptions):
    """The options of ``sizewise predict`` beside the model and the pictures."""

    size: Size | None = option(
        optional(SIZE),
        None,
        help="Input size in pixels, height x width: 416 or 384x640.",
        group=MODEL,
        shown="the model's own, or 416",
    )
    annotations: Path | None = option(
        optional(PATH),
        None,
        help="COCO JSON of the pictures. Results of --json have its ids of pictures and classes; "
        "pictures are turned as they were annotated.",
        group="Results",
        shown="numbers in file names, and COCO's ids for its 80 classes; or from 1",
    )
