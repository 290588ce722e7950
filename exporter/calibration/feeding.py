"""Feed pictures to a model in its own input format, at several sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from exporter.calibration.batches import Fed
from exporter.calibration.images import CalibrationImage, CalibrationSet
from netzoo.tasks.letterbox import Letterbox
from sizewise.core.errors import InputError, UsageError
from sizewise.core.further.arrays import arrays_of
from sizewise.core.further.resolving import further_of
from sizewise.core.onnxfiles.limits import ELEMENTS
from sizewise.core.onnxfiles.shapes import at_size, excess, load_without_weights
from sizewise.core.options.declared import spelled
from sizewise.core.pictures.arrays import as_input, misfit
from sizewise.core.specs import ExportedModel, Size

_PICTURES_PER_SIZE = 4
"""With at least this many pictures per size, each picture is used at one size only."""


@dataclass(frozen=True, kw_only=True)
class CalibrationBatches:
    """Batches of one picture each, letterboxed or stretched, its colours as the model's card says.

    A picture is read only when it is needed, so many passes over all of them need little memory.
    """

    model: ExportedModel
    turns: tuple[tuple[Size, CalibrationImage], ...]

    def __len__(self) -> int:
        return len(self.turns)

    def __iter__(self) -> Iterator[Fed]:
        image_input, card = self.model.image, self.model.card
        further, batch_size = further_of(self.model), image_input.fixed_batch or 1
        for size, image in self.turns:
            picture = image.read()
            source = Size(*picture.shape[:2])
            planes = Letterbox.fit(source, size, keep_shape=card.letterbox).apply(picture)
            one = as_input(planes, image_input, card.preprocessing)
            images = np.repeat(one[np.newaxis], batch_size, axis=0)
            beside = arrays_of(further, batch_size, size)
            yield size, {image_input.tensor.name: images, **beside}


def calibration_batches(
    images: CalibrationSet,
    sizes: Sequence[Size],
    model: ExportedModel,
    *,
    each: bool = False,
) -> CalibrationBatches:
    """Batches of all ``images``, at one size each or at every one of ``sizes``.

    With four pictures per size or more, the pictures take the sizes in turn, one size each. With
    fewer pictures, or with ``each``, every picture is fed at every size.

    A batch is as ``model`` takes pictures. B is 1, or the model's fixed batch, filled with the same
    picture. Raises InputError where the model takes no pictures, UsageError where it refuses a
    size.
    """
    _demand_pictures(model)
    for size in sizes:
        demand_size(model, size)
    if not each and len(images.images) >= _PICTURES_PER_SIZE * len(sizes):
        turns = [(sizes[k % len(sizes)], image) for k, image in enumerate(images.images)]
    else:
        turns = [(size, image) for size in sizes for image in images.images]
    return CalibrationBatches(model=model, turns=tuple(turns))


def _demand_pictures(model: ExportedModel) -> None:
    if why := misfit(model.image, model.card.preprocessing):
        raise InputError(
            f"{model.path.name} can't be calibrated",
            why,
            f"Give a model that takes pictures, or leave {spelled('calibrate')} out.",
        )


def demand_size(model: ExportedModel, size: Size) -> None:
    """Raises UsageError where ``model`` does not take images of ``size``."""
    if why := model.refusal(size):
        raise UsageError(
            f"{model.path.name} can't be run at {size}",
            why,
            f"Choose sizes that it takes with {spelled('calibration_sizes')} and "
            f"{spelled('check_sizes')}.",
        )


def demand_small(model: ExportedModel, sizes: Iterable[Size]) -> None:
    """Raises UsageError where a tensor inside ``model`` would have more elements than are allowed
    at one of ``sizes``, and InputError where a function of the file can't be expanded."""
    proto = load_without_weights(model.path)
    for size in dict.fromkeys(sizes):
        batch_size = model.image.fixed_batch or 1
        if why := excess(at_size(proto, model.image, batch_size, size)):
            raise UsageError(
                f"{model.path.name} can't be run at {size}",
                why,
                f"Choose smaller sizes with {spelled('calibration_sizes')} and "
                f"{spelled('check_sizes')}. {ELEMENTS.todo}",
            )
