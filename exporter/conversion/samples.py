"""What a network is run on while it is converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from exporter.calibration.feeding import CalibrationBatches, calibration_batches
from exporter.calibration.observe import Batches
from exporter.checks.probes import ProbeBatches
from exporter.conversion.settings import ConversionSettings
from sizewise.core.specs import ExportedModel, Size

_FEW = 4
"""Pictures per size that the error is measured on."""
_CORRECTING = 16
"""Pictures that biases are corrected on. Means over maps of many cells need few pictures."""


@dataclass(frozen=True)
class Samples:
    """The calibration pictures of ``settings`` as ``model`` takes them; without any, random
    noise."""

    model: ExportedModel
    settings: ConversionSettings

    def all(self) -> Batches:
        """All pictures, at the calibration sizes."""
        images, sizes = self.settings.images, self.settings.sizes
        if images is None:
            return ProbeBatches(self.model, sizes)
        return calibration_batches(images, sizes, self.model)

    def few(self, sizes: Sequence[Size]) -> Batches:
        """A few pictures at every one of ``sizes``."""
        images = self.settings.images
        if images is None:
            return ProbeBatches(self.model, tuple(sizes))
        first = replace(images, images=images.images[:_FEW])
        return calibration_batches(first, sizes, self.model, each=True)

    def others(self) -> Batches:
        """Pictures other than the few, where there are enough, each at one size."""
        sizes = self.settings.sizes
        if self.settings.images is None:
            return ProbeBatches(self.model, sizes)
        images = self.settings.images.images
        left = images[_FEW:] if len(images) >= 2 * _FEW else images
        chosen = [left[k * len(left) // _CORRECTING] for k in range(_CORRECTING)]
        turns = ((sizes[k % len(sizes)], one) for k, one in enumerate(chosen))
        return CalibrationBatches(model=self.model, turns=tuple(dict.fromkeys(turns)))
