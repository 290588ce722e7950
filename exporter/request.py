"""What a user requests of precisions, and what can be seen to be wrong with it beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netzoo.data.pictures.folder import PictureFolder
from netzoo.tasks.showing import PictureOptions
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import changed, option, spelled
from sizewise.core.options.reading import (
    SIZES,
    SWITCH,
    TEXT,
    WORDS,
    Reader,
    no_choice,
    number,
    optional,
    several,
    whole,
)
from sizewise.core.specs import ModelCard, Sizes

if TYPE_CHECKING:
    from exporter.precisions._base import Precision

_PRECISION, _CALIBRATION, _ACCURACY = "Precision", "Calibration (int8, fp8)", "Accuracy"


def _precision(given: object) -> str:
    from exporter.registry import precisions

    if given not in precisions():
        raise no_choice(given, precisions())
    return str(given)


def _method(given: object) -> str:
    from exporter.calibration.method import AUTO, methods

    if given not in (choices := (AUTO, *methods())):
        raise no_choice(given, choices)
    return str(given)


@dataclass(frozen=True, kw_only=True)
class PrecisionOptions(PictureOptions, PictureFolder):
    """What is made of a model, and how pictures are shown to it.

    ``calibrate`` is a folder of pictures or a data set, ``data`` what accuracy is measured on,
    ``max_loss_points`` the points of it that a precision may lose. ``images`` is the folder of the
    pictures of both, where annotations lie elsewhere.
    """

    precision: tuple[str, ...] = option(
        several(Reader(_precision, "LIST"), 1),
        ("fp32",),
        help="Precisions, one file each: fp32, fp16, bf16, int8, fp8, and int8+fp16, int8+bf16, "
        "fp8+fp16 (what is not in 8 bits runs in 16). A comma list.",
        group=_PRECISION,
    )
    keep: tuple[str, ...] = option(
        WORDS,
        (),
        help="Layers that stay in FP32 (in int8+fp16, FP16, and so on): their names, or those of "
        "modules with all their layers (comma list).",
        group=_PRECISION,
    )
    check_sizes: Sizes | None = option(
        optional(SIZES),
        None,
        help="Sizes in pixels to measure the error against FP32 at.",
        group=_PRECISION,
        shown="the usual sizes of the model",
    )
    calibrate: str = option(
        TEXT,
        "",
        help="Calibration pictures: a folder, or a data set. Required for int8 and fp8.",
        group=_CALIBRATION,
    )
    calibration_images: int = option(
        whole(1), 128, help="Number of calibration pictures, taken evenly.", group=_CALIBRATION
    )
    strict: bool = option(
        SWITCH,
        False,
        help="Stop at calibration pictures and their labels that can't be used, which are else "
        "left out and named.",
        group=_CALIBRATION,
    )
    calibration_sizes: Sizes | None = option(
        optional(SIZES),
        None,
        help="Sizes in pixels to calibrate at.",
        group=_CALIBRATION,
        shown="every second one of the usual sizes",
    )
    method: str = option(
        Reader(_method, "NAME"),
        "minmax",
        help="How ranges become scales: minmax, percentile, entropy, mse, or auto: the one of the "
        "least error.",
        group=_CALIBRATION,
    )
    weight_bits: int = option(
        whole(),
        7,
        help="Bits of int8 weights: 7 is right on every CPU, 8 needs VNNI or a GPU.",
        group=_CALIBRATION,
    )
    data: str = option(
        TEXT,
        "",
        help="Annotated images to measure the accuracy loss on.",
        group=_ACCURACY,
        shown="not measured",
    )
    max_loss_points: float | None = option(
        optional(number(0)),
        None,
        help="Largest accuracy loss allowed, in points (0.01) of AP, mIoU or top-1. Layers stay in "
        "FP32 (in int8+fp16, FP16, and so on) until it is met.",
        group=_ACCURACY,
        shown="no limit",
        older="max_drop",
    )

    @property
    def precisions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.precision))

    def check(self) -> None:
        """Raises UsageError and InputError for what can be told before anything is exported."""
        from exporter.registry import find_precision

        if not self.precisions:
            raise UsageError(
                "No precision was given", "the list is empty", f"Give {spelled('precision')} fp32."
            )
        found = [find_precision(name) for name in self.precisions]
        changed = [one for one in found if one.name != "fp32"]
        self._check_company(changed)
        self._check_values()

    def _check_company(self, changed: list[Precision]) -> None:
        """What goes with what."""
        if self.max_loss_points is not None and not self.data:
            raise UsageError(
                f"{spelled('max_loss_points')} can't be given by itself",
                "accuracy loss is measured on annotated images, and there are none",
                f"Give {spelled('data')} with the model's classes, or leave "
                f"{spelled('max_loss_points')} out: the error of the outputs is reported in any "
                "case.",
            )
        if not changed and (option := self._beside(*_BESIDE)):
            raise UsageError(
                f"{option} can't be given here",
                "it is for precisions other than fp32, and none is requested",
                f"Choose one with {spelled('precision')} (fp16, bf16, int8, fp8), or leave it out.",
            )
        if self.images and not (self.data or self.calibrate):
            raise UsageError(
                f"{spelled('images')} can't be given alone",
                "it is the folder of annotated pictures, and no annotations are given",
                f"Give {spelled('data')} or {spelled('calibrate')} too, or leave it out.",
            )
        if not self.calibrate and (option := self._beside("calibration_images", "strict")):
            raise UsageError(
                f"{option} can't be given by itself",
                "it is for calibration pictures, and there are none",
                f"Give {spelled('calibrate')}, too, or leave it out.",
            )
        if (
            changed
            and not any(one.calibrated for one in changed)
            and (option := self._beside("method", "weight_bits"))
        ):
            raise UsageError(
                f"{option} can't be given here",
                f"it is for scales, and {', '.join(self.precisions)} has none",
                "Leave it out, or choose int8 or fp8.",
            )
        for one in changed:
            if one.calibrated and not self.calibrate:
                raise UsageError(
                    f"The model can't be converted to {one.name}",
                    "its scales are computed from calibration images, and there are none",
                    f"Give {spelled('calibrate')} with a folder of pictures or a data set.",
                )

    def _check_values(self) -> None:
        from exporter.calibration.images import demand_source
        from exporter.calibration.method import tried_methods
        from exporter.conversion.settings import demand_weight_bits

        tried_methods(self.method)
        demand_weight_bits(self.weight_bits)
        if self.calibrate:
            demand_source(self.calibrate, self.calibration_images)
        self.shown_to(ModelCard(network=""))

    def _beside(self, *names: str) -> str:
        """The first of these options that is not at its default."""
        return next(map(spelled, changed(self, *names)), "")


_BESIDE = (
    *("calibrate", "calibration_images", "calibration_sizes", "check_sizes", "method"),
    *("weight_bits", "strict", "keep", "data", "max_loss_points"),
)
