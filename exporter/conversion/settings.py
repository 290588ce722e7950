"""The settings of a conversion, and what can be seen to be wrong with them beforehand."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.calibration.images import CalibrationSet
from exporter.precisions._base import Precision, nothing
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Calibration, Preprocessing, Size

WEIGHT_BITS = (7, 8)


@dataclass(frozen=True, kw_only=True)
class ConversionSettings:
    """Calibration samples and sizes of a conversion.

    Value ranges are observed on ``images`` at ``sizes``, or on random noise where there are no
    images. The error against the float32 parent is measured at ``check_sizes``.
    """

    images: CalibrationSet | None = None
    sizes: tuple[Size, ...] = ()
    check_sizes: tuple[Size, ...] = ()
    method: str = "minmax"
    weight_bits: int = WEIGHT_BITS[0]

    @property
    def median_size(self) -> tuple[Size, ...]:
        """The middle one of ``sizes`` by their pixels; empty where there are none."""
        ordered = sorted(self.sizes, key=lambda size: size.pixels)
        return tuple(ordered[len(ordered) // 2 :][:1])

    def calibration(self, preprocessing: Preprocessing) -> Calibration | None:
        """The calibration that a card records; None without images."""
        if self.images is None:
            return None
        return Calibration(
            data=self.images.name,
            data_sha256=self.images.sha256,
            images=len(self.images.images),
            sizes=self.sizes,
            method=self.method,
            weight_bits=self.weight_bits,
            mean=preprocessing.mean,
            std=preprocessing.std,
        )


def demand_settings(precision: Precision, settings: ConversionSettings) -> None:
    """Raises UsageError where ``settings`` lack what ``precision`` needs."""
    if precision.calibrated and settings.images is None:
        raise UsageError(
            f"The model can't be converted to {precision.name}",
            f"calibration images are required for {precision.name}",
            f"Give {spelled('calibrate')} a folder of pictures or a data set.",
        )
    if precision.watched is not nothing and not settings.sizes:
        raise UsageError(
            f"The model can't be converted to {precision.name}",
            "there is no input size to observe its values at",
            f"Give {spelled('calibration_sizes')}.",
        )
    demand_weight_bits(settings.weight_bits)


def demand_weight_bits(bits: int) -> None:
    """Raises UsageError where ``bits`` is not a supported width of quantized weights."""
    if bits not in WEIGHT_BITS:
        raise UsageError(
            f"Weights can't have {bits} bits",
            "the choices are 7, with which no CPU saturates, and 8",
            f"Give {spelled('weight_bits')} 7 or 8.",
        )
