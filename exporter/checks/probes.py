"""Random images at sizes that a model was not exported at, to check it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from exporter.calibration.batches import Fed
from sizewise.core.further.arrays import arrays_of
from sizewise.core.further.resolving import further_of
from sizewise.core.pictures.arrays import noise_as_input
from sizewise.core.pictures.patches import patches_under_noise
from sizewise.core.specs import (
    RGB,
    ExportedModel,
    FurtherInput,
    ImageInput,
    Preprocessing,
    Size,
    TensorSpec,
)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How images are given to a module: in how many channels, and in which colours and range."""

    channels: int = 3
    preprocessing: Preprocessing = RGB

    @property
    def image(self) -> ImageInput:
        """The input of modules: float32, channels first."""
        shape = ("batch", self.channels, "height", "width")
        tensor = TensorSpec(name="images", dtype="float32", shape=shape)
        return ImageInput(tensor=tensor, channels_first=True)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One batch of images, ``shown`` as the module takes them, and what ``further`` inputs are
    given beside it."""

    batch_size: int
    size: Size
    further: tuple[FurtherInput, ...] = ()
    shown: Shown = Shown()

    def __str__(self) -> str:
        return f"{self.size}, batch {self.batch_size}"

    def images(self) -> NDArray[Any]:
        """float32 [batch, channels, height, width], the same at every call: patches under noise, in
        the range and the colours that the module takes."""
        shown = self.shown
        noise = patches_under_noise(self.batch_size, self.size, channels=shown.channels)
        return noise_as_input(noise, shown.image, shown.preprocessing)

    def at(self, batch_size: int, size: Size) -> Probe:
        """The same of another batch and size."""
        return replace(self, batch_size=batch_size, size=size)

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
    """One batch of random images at each of ``sizes``, given as the model's card says that pictures
    are: type, layout, range and colours.

    They stand in for pictures where a user gave none.
    """

    model: ExportedModel
    sizes: tuple[Size, ...]

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Fed]:
        image, further = self.model.image, further_of(self.model)
        how, batch_size = self.model.card.preprocessing, image.fixed_batch or 1
        for size in self.sizes:
            noise = patches_under_noise(batch_size, size, channels=image.channels)
            given = noise_as_input(noise, image, how)
            beside = arrays_of(further, batch_size, size)
            yield size, {image.tensor.name: given, **beside}


def small_probes(smallest: int, stride: int, most: int, like: Probe) -> tuple[Probe, ...]:
    """Squares from ``smallest`` pixels up to those of :func:`plan_probes`, each about twice the one
    before, and all else as in ``like``."""
    sides = []
    side = -(-smallest // stride) * stride
    while side < most:
        sides.append(side)
        side *= 2
    return tuple(like.at(2, Size(side, side)) for side in sides)


def plan_probes(
    *,
    example: Size,
    stride: int,
    dynamic: bool,
    smallest: int = 1,
    further: tuple[FurtherInput, ...] = (),
    shown: Shown = Shown(),
) -> tuple[Probe, ...]:
    """Six or more sizes other than the example's: small and large, most of them not square.

    No side is below ``smallest``. One size is larger than the example in both directions, so that
    a buffer cut to size is noticed. Where the size is fixed, only the example's size is used, at
    three batch sizes.
    """
    like = Probe(batch_size=1, size=example, further=further, shown=shown)
    if not dynamic:
        return tuple(like.at(n, example) for n in (1, 2, 3))
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
    return tuple(like.at(n, size) for size, n in sizes.items() if size != example)
