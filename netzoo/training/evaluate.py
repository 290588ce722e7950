"""How accurate a network is, in PyTorch itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import convert_conv2d_weight_memory_format

from netzoo.data.classified import ClassifiedImage, ClassifiedSet
from netzoo.data.coco.dataset import AnnotatedImage, Dataset
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
_Fitted = Callable[[Sequence[Image]], tuple[torch.Tensor, list[Letterbox]]]


def evaluate_network(
    network: Network,
    data: Dataset | ClassifiedSet,
    size: Size,
    progress: Progress = SILENT,
    batch_size: int | None = None,
    *,
    suppression: Suppression | None = None,
    letterbox: bool | None = None,
) -> dict[str, float]:
    """The metrics of its task (0–1), by name, as :func:`evaluated` measures them."""
    return evaluated(
        network, data, size, progress, batch_size, suppression=suppression, letterbox=letterbox
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
) -> Evaluator:
    """The evaluator of its task that has seen every image of ``data``, fitted into ``size``.

    They are letterboxed or stretched as it learnt them (``letterbox``: None). ``suppression`` is
    the NMS of boxes, None for the usual one. With ``figures``, it measures further ones
    (``Evaluator.figures``).

    Raises InputError where the data has no images, or not what the metrics need, and InferenceError
    (numerics) for NaN.
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
    with progress.stage(f"Evaluating at {size}", len(data.images)) as stage:
        for image, fit, outputs in _outputs(network, data.images, fitted, stage, batch_size):
            evaluator.add(image, fit, outputs)
    return evaluator


def _demand_images(network: Network, data: Dataset | ClassifiedSet) -> None:
    if not data.images:
        raise InputError(
            f"{network.config.name} can't be evaluated on {data.name}",
            "it has no images",
            "Give a data set that has.",
        )


def _outputs(
    network: Network, images: Sequence[Image], fitted: _Fitted, stage: Stage, batch_size: int
) -> Iterator[tuple[Image, Letterbox, dict[str, Array]]]:
    """Each image, how it was fitted, and the network's outputs for it as a batch of one."""
    module = convert_conv2d_weight_memory_format(deployable(network), torch.channels_last)
    names = network.output_names
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        inputs, fits = fitted(batch)
        with torch.inference_mode():
            outputs = [output.cpu() for output in module(inputs.to(device))]
        for row, (image, fit) in enumerate(zip(batch, fits, strict=True)):
            of_image = (output[row : row + 1].numpy() for output in outputs)
            yield image, fit, dict(zip(names, of_image, strict=True))
        stage.advance(len(batch))


def _fitted(
    size: Size, images: Sequence[Image], *, keep_shape: bool
) -> tuple[torch.Tensor, list[Letterbox]]:
    pictures = [image.read() for image in images]
    fits = [Letterbox.fit(Size(*p.shape[:2]), size, keep_shape=keep_shape) for p in pictures]
    pixels = np.stack([fit.apply(picture) for fit, picture in zip(fits, pictures, strict=True)])
    return torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last), fits
