"""Noise at several sizes, for a model that nobody gave pictures of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.checks.probes import Probe
from sizewise.core.specs import ExportedModel, Size


@dataclass(frozen=True, kw_only=False)
class ProbeBatches:
    """One batch of patches under noise at each of ``sizes``, of the model's type and layout."""

    model: ExportedModel
    sizes: tuple[Size, ...]

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[tuple[Size, NDArray[Any]]]:
        image = self.model.image
        for size in self.sizes:
            images = Probe(batch_size=image.fixed_batch or 1, size=size).images()
            values = np.resize(images, (len(images), image.channels, size.height, size.width))
            if image.tensor.dtype == "uint8":
                values = np.rint(values * 255).astype(np.uint8)
            if not image.channels_first:
                values = values.transpose(0, 2, 3, 1)
            yield size, np.ascontiguousarray(values)
