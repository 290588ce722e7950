"""The options of ``sizewise explain``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines.planning.axes import EngineAxes
from netzoo.data.pictures.folder import PictureFolder
from sizewise.core.options.declared import again, option
from sizewise.core.options.reading import PATH, SIZES, TEXT, optional
from sizewise.core.specs import Sizes
from sizewise.pipeline.models.cards import MeaningOptions

SCORED = 5
"""Layers whose loss of accuracy is measured: an evaluation of the data for each."""


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(MeaningOptions, PictureFolder):
    """The options of ``sizewise explain`` beside the model."""

    backends: tuple[str, ...] = again(EngineAxes, "backends", ())
    sizes: Sizes | None = option(
        optional(SIZES),
        None,
        help="Input sizes in pixels, height x width, to profile and to measure accuracy at: 416, "
        "384x640, or FIRST:LAST:STEP (comma list).",
        group="Engines",
        shown="the middle one of the model's usual sizes",
    )
    parent: Path | None = option(
        optional(PATH),
        None,
        help="FP32 file that the model was converted from.",
        group="Comparison",
        shown="found beside the model",
    )
    calibrate: str = option(
        TEXT,
        "",
        help="Pictures to measure the error of each layer on, and to calibrate it with: a folder, "
        "or a data set.",
        group="Comparison",
        shown="the data set that the model names",
    )
    data: str = option(
        TEXT,
        "",
        help=f"Annotated images to measure the accuracy loss of the {SCORED} layers with the "
        "largest errors on.",
        group="Accuracy",
        shown="not measured",
    )
