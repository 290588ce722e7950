"""Random images at sizes that a model was not exported at, to check it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.calibration.batches import Fed
from sizewise.core.further.arrays import arrays_of
from sizewise.core.further.resolving import further_of
from sizewise.core.pictures.patches import patches_under_noise
from sizewise.core.specs import ExportedModel, FurtherInput, Size


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One batch of images, and what ``further`` inputs are given beside it."""

    batch_size: int
    size: Size
    further: tuple[FurtherInput, ...] = ()

    def __str__(self) -> str:
        return f"{self.size}, batch {self.batch_size}"

    def images(self) -> NDArray[Any]:
        """float32 [batch, 3, height, width] in 0–1, the same at every call."""
        return patches_under_noise(self.batch_size, self.size)

    def beside(self) -> dict[str, NDArray[Any]]:
        """What further inputs are given, by name, in the order of the graph. Raises InputError."""
        return arrays_of(self.further, self.batch_size, self.size)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A probe and the outputs, by name, that a graph must give for it.

    ``rerun``, where there is one, computes them again with other kernels of the same precision.
    """

    probe: Probe
    outputs: Mapping[str, NDArray[Any]]
    rerun: Callable[[], Mapping[str, NDArray[Any]]] | None = None


@dataclass(frozen=True)
class ProbeBatches:
    """One batch of random images at each of ``sizes``, in the model's own dtype and layout.

    They stand in for pictures where a user gave none.
    """

    model: ExportedModel
    sizes: tuple[Size, ...]

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Fed]:
        image, further = self.model.image, further_of(self.model)
        for size in self.sizes:
            probe = Probe(batch_size=image.fixed_batch or 1, size=size, further=further)
            images = probe.images()
            values = np.resize(images, (len(images), image.channels, size.height, size.width))
            if image.tensor.dtype == "uint8":
                values = np.rint(values * 255)
            if not image.channels_first:
                values = values.transpose(0, 2, 3, 1)
            given = np.ascontiguousarray(values, np.dtype(image.tensor.dtype))
            yield size, {image.tensor.name: given, **probe.beside()}


def small_probes(
    smallest: int, stride: int, most: int, further: tuple[FurtherInput, ...] = ()
) -> tuple[Probe, ...]:
    """Squares from ``smallest`` pixels up to those of :func:`plan_probes`, each about twice the one
    before."""
    sides = []
    side = -(-smallest // stride) * stride
    while side < most:
        sides.append(side)
        side *= 2
    return tuple(Probe(batch_size=2, size=Size(side, side), further=further) for side in sides)


def plan_probes(
    *,
    example: Size,
    stride: int,
    dynamic: bool,
    smallest: int = 1,
    further: tuple[FurtherInput, ...] = (),
) -> tuple[Probe, ...]:
    """Six or more sizes other than the example's: small and large, most of them not square.

    No side is below ``smallest``. One size is larger than the example in both directions, so that
    a buffer cut to size is noticed. Where the size is fixed, only the example's size is used, at
    three batch sizes.
    """
    if not dynamic:
        return tuple(Probe(batch_size=n, size=example, further=further) for n in (1, 2, 3))
    unit = stride * -(-32 // stride)  # at least 32 pixels: smaller maps show little
    least = max(2 * unit, -(-smallest // stride) * stride)
    sizes = {
        Size(least, least + unit): 1,
        Size(least + unit, least): 3,
        Size(least + 3 * unit, least + 2 * unit): 2,
        Size(least + 2 * unit, least + 5 * unit): 1,
        Size(least + unit + stride, least + 3 * unit + 3 * stride): 3,
        Size(least + 4 * unit, least + 4 * unit): 2,
        Size(least + 5 * unit, least + unit): 3,
        Size(example.height + unit, example.width + 2 * unit): 1,
    }
    return tuple(
        Probe(batch_size=n, size=size, further=further)
        for size, n in sizes.items()
        if size != example
    )
