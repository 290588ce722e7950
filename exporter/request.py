"""What ``export`` and ``run`` are told of precisions, and what can be told to be wrong with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sizewise.cli.options import comma_list
from sizewise.core.errors import UsageError
from sizewise.core.specs import Sizes

if TYPE_CHECKING:
    from exporter.calibration.feeding import Scaling
    from exporter.precisions._base import Precision


@dataclass(frozen=True, kw_only=True)
class PrecisionOptions:
    """As users write them; empty stands for the usual. ``calibrate`` is a folder of pictures or a
    data set, ``data`` what accuracy is measured on, ``max_drop`` the points it may lose."""

    precision: str = "fp32"
    calibrate: str = ""
    calibration_images: int = 128
    calibration_sizes: str = ""
    check_sizes: str = ""
    method: str = "minmax"
    weight_bits: int = 7
    mean: str = ""
    std: str = ""
    keep: str = ""
    data: str = ""
    max_drop: float | None = None

    @property
    def precisions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(comma_list(self.precision)))

    @property
    def scaling(self) -> Scaling:
        """Raises UsageError."""
        from exporter.calibration.feeding import Scaling

        if not (self.mean or self.std):
            return Scaling()
        return Scaling(
            mean=_numbers("--mean", self.mean or "0,0,0"),
            std=_numbers("--std", self.std or "1,1,1"),
        )

    def check(self) -> None:
        """Raises UsageError for what can be told before anything is exported."""
        from exporter.convert import find_precision

        if not self.precisions:
            raise UsageError(
                "No precision was given", "the list is empty", "Give --precision fp32."
            )
        found = [find_precision(name) for name in self.precisions]
        changed = [one for one in found if one.name != "fp32"]
        self._check_company(changed)
        self._check_values()

    def _check_company(self, changed: list[Precision]) -> None:
        """What goes with what."""
        if self.max_drop is not None and not self.data:
            raise UsageError(
                "--max-drop can't be given by itself",
                "a drop of accuracy is measured on annotated images, and there are none",
                "Give --data with classes that are the model's, or leave --max-drop out: the "
                "error of the outputs is reported in any case.",
            )
        if not changed and (option := self._beside(*_BESIDE)):
            raise UsageError(
                f"{option} can't be given here",
                "it is for precisions other than fp32, and none is asked",
                "Name one with --precision fp16,bf16,int8,fp8, or leave it out.",
            )
        if (self.mean or self.std) and not self.calibrate:
            raise UsageError(
                "--mean and --std can't be given by themselves",
                "they are of the pictures that the model is calibrated on, and there are none",
                "Give --calibrate, too, or leave them out.",
            )
        if not self.calibrate and self._beside("calibration_images"):
            raise UsageError(
                "--calibration-images can't be given by itself",
                "it is of the pictures that the model is calibrated on, and there are none",
                "Give --calibrate, too, or leave it out.",
            )
        if (
            changed
            and not any(one.calibrated for one in changed)
            and (option := self._beside("method", "weight_bits"))
        ):
            raise UsageError(
                f"{option} can't be given here",
                f"it is of scales, and {self.precision} has none",
                "Leave it out, or ask for int8 or fp8.",
            )
        for one in changed:
            if one.calibrated and not self.calibrate:
                raise UsageError(
                    f"The model can't be made {one.name}",
                    "its scales come from values seen in the network, and there are no calibration "
                    "images",
                    "Give --calibrate with a folder of pictures or a data set.",
                )

    def _check_values(self) -> None:
        from exporter.calibration.images import demand_source
        from exporter.calibration.method import find_method
        from exporter.convert import demand_weight_bits

        find_method(self.method)
        demand_weight_bits(self.weight_bits)
        if self.calibrate:
            demand_source(self.calibrate, self.calibration_images)
        for sizes in filter(None, (self.calibration_sizes, self.check_sizes)):
            Sizes.parse(sizes)
        _ = self.scaling
        if self.max_drop is not None and not 0 <= self.max_drop < math.inf:
            raise UsageError(
                f"{self.max_drop} points can't be the limit of a drop",
                "it is a number of points, 0 or more",
                "Give --max-drop 1, say, or leave it out.",
            )

    def _beside(self, *names: str) -> str:
        """The first of these options that is not as usual."""
        plain = PrecisionOptions()
        given = (name for name in names if getattr(self, name) != getattr(plain, name))
        return next((f"--{name.replace('_', '-')}" for name in given), "")


_BESIDE = (
    *("calibrate", "calibration_images", "calibration_sizes", "check_sizes", "method"),
    *("weight_bits", "mean", "std", "keep", "data", "max_drop"),
)


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in comma_list(text))
    except ValueError as error:
        raise UsageError(
            f"{option} {text} can't be used", "it is no list of numbers", "Give it as 0.5,0.5,0.5."
        ) from error
