"""How accurate a network is, in PyTorch itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import convert_conv2d_weight_memory_format

from netzoo.data.classified import ClassifiedImage, ClassifiedSet
from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.data.faults import STOP, Faults
from netzoo.deploy import deployable
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.registry import find_task
from netzoo.tasks.task import Evaluator
from netzoo.zoo.card import card_of
from netzoo.zoo.network import Network
from sizewise.core.errors import InputError
from sizewise.core.progress import SILENT, Progress, Stage
from sizewise.core.specs import Size, Suppression

Image = AnnotatedImage | ClassifiedImage
Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]
_Fitted = Callable[[Sequence[Pixels]], tuple[torch.Tensor, list[Letterbox]]]


def evaluate_network(
    network: Network,
    data: Dataset | ClassifiedSet,
    size: Size,
    progress: Progress = SILENT,
    batch_size: int | None = None,
    *,
    suppression: Suppression | None = None,
    letterbox: bool | None = None,
    faults: Faults = STOP,
) -> dict[str, float]:
    """The metrics of its task (0–1), by name, as :func:`evaluated` measures them."""
    return evaluated(
        network,
        data,
        size,
        progress,
        batch_size,
        suppression=suppression,
        letterbox=letterbox,
        faults=faults,
    ).scores()


def evaluated(
    network: Network,
    data: Dataset | ClassifiedSet,
    size: Size,
    progress: Progress = SILENT,
    batch_size: int | None = None,
    *,
    suppression: Suppression | None = None,
    letterbox: bool | None = None,
    figures: bool = False,
    faults: Faults = STOP,
) -> Evaluator:
    """The evaluator of its task that has seen every image of ``data``, fitted into ``size``.

    They are letterboxed or stretched as it learnt them (``letterbox``: None). ``suppression`` is
    the NMS of boxes, None for the usual one. With ``figures``, it measures further ones
    (``Evaluator.figures``). Where ``faults`` skips pictures that can't be read, the metrics are
    those of the data without them.

    Raises InputError where the data has no images that can be read, or not what the metrics need,
    and InferenceError (numerics) for NaN.
    """
    _demand_images(network, data)
    card = card_of(network)
    if letterbox is not None:
        card = replace(card, letterbox=letterbox)
    task = find_task(card.task)
    evaluator = task.evaluator(card, data, suppression)
    evaluator.measures_figures = figures
    batch_size = batch_size or task.images_at_once
    fitted = partial(_fitted, size, keep_shape=card.letterbox)
    starts = range(0, len(data.images), batch_size)
    batches = (data.images[start : start + batch_size] for start in starts)
    reading = _Reading(faults, masks=task.learns_masks and faults.skips)
    with progress.stage(f"Evaluating at {size}", len(data.images)) as stage:
        for image, fit, outputs in _outputs(network, batches, reading, fitted, stage):
            evaluator.add(image, fit, outputs)
    if not evaluator.images:
        raise _refusal(network, data, f"none of its pictures can be read: {faults.found[0]}")
    evaluator.leave_out(reading.left_out)
    return evaluator


class _Reading:
    """Reads pictures, and their ``masks`` as well, to see whether they can be read."""

    def __init__(self, faults: Faults, *, masks: bool) -> None:
        self._faults, self._masks = faults, masks
        self.left_out: list[Image] = []

    def __call__(self, images: Sequence[Image]) -> Iterator[tuple[Image, Pixels]]:
        """Each image that can be read, with its picture."""
        for image in images:
            pixels = self._faults.attempt("picture", image.read)
            if pixels is not None and self._has_mask(image):
                yield image, pixels
            else:
                self.left_out.append(image)

    def _has_mask(self, image: Image) -> bool:
        if not (self._masks and isinstance(image, AnnotatedImage)):
            return True
        return self._faults.attempt("label", partial(_checked, image)) or False


def _checked(image: AnnotatedImage) -> bool:
    image.check_mask()
    return True


def _demand_images(network: Network, data: Dataset | ClassifiedSet) -> None:
    if not data.images:
        raise _refusal(network, data, "it has no images")


def _refusal(network: Network, data: Dataset | ClassifiedSet, why: str) -> InputError:
    what = f"{network.config.name} can't be evaluated on {data.name}"
    return InputError(what, why, "Give a data set that has some.")


def _outputs(
    network: Network,
    batches: Iterable[Sequence[Image]],
    reading: _Reading,
    fitted: _Fitted,
    stage: Stage,
) -> Iterator[tuple[Image, Letterbox, dict[str, Array]]]:
    """Each image, how it was fitted, and the network's outputs for it as a batch of one."""
    module = convert_conv2d_weight_memory_format(deployable(network), torch.channels_last)
    names = network.output_names
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    for batch in batches:
        if read := list(reading(batch)):
            inputs, fits = fitted([pixels for _, pixels in read])
            with torch.inference_mode():
                outputs = [output.cpu() for output in module(inputs.to(device))]
            for row, ((image, _), fit) in enumerate(zip(read, fits, strict=True)):
                of_image = (output[row : row + 1].numpy() for output in outputs)
                yield image, fit, dict(zip(names, of_image, strict=True))
        stage.advance(len(batch))


def _fitted(
    size: Size, pictures: Sequence[Pixels], *, keep_shape: bool
) -> tuple[torch.Tensor, list[Letterbox]]:
    fits = [Letterbox.fit(Size(*p.shape[:2]), size, keep_shape=keep_shape) for p in pictures]
    pixels = np.stack([fit.apply(picture) for fit, picture in zip(fits, pictures, strict=True)])
    return torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last), fits
