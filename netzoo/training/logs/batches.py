"""The first batches of a training as pictures: what the network sees, with what it learns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset
from netzoo.data.masks.label_maps import is_background
from netzoo.data.relabelling import relabelled
from netzoo.tasks.masks.classes import channel_names
from netzoo.tasks.registry import find_task
from netzoo.tasks.sheets import Tile, contact_sheet
from netzoo.training.checks import check_data
from netzoo.training.class_masks import UNKNOWN, channels_for
from netzoo.training.loading.batches import Batch, draw_batches
from netzoo.training.loading.collating import BOXED
from netzoo.training.settings import TrainingSettings
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import find_network, keeps_shape
from sizewise.core.files import written_whole

_LEAST_PX = 160
"""So wide is a line below a picture. Smaller pictures are drawn several times as large."""


def draw_first_batches(
    count: int,
    config: NetworkConfig,
    data: Dataset | ClassifiedSet,
    settings: TrainingSettings,
    paths: Iterator[Path],
    *,
    classified: ClassifiedSet | None = None,
    skips: bool = False,
) -> list[Path]:
    """Draw the first ``count`` batches of this very training into ``paths``, a PNG each.

    They are drawn as the training draws them, from its seed, and it draws them again: where that
    ``skips`` images that can't be read, others stand in their places. Raises InputError and
    OutputError.
    """
    if config.tree:
        data = relabelled(data, config.classes)
        classified = relabelled(classified, config.classes) if classified else None
    check_data(find_network(config.name), config, data, masks=not skips)
    batches = draw_batches(
        data,
        settings,
        keep_shape=keeps_shape(config),
        classified=classified,
        masks=find_task(find_network(config.name).task).learns_masks,
        channels=channels_for(config, data),
    )
    written = []
    for batch, path in zip(islice(batches, count), paths, strict=False):
        if batch.skipped and not skips:
            raise batch.skipped[0].error()
        side = max(batch.size.height, batch.size.width)
        side *= math.ceil(_LEAST_PX / side)
        sheet = contact_sheet(list(_tiles(batch, config)), config.classes, side)
        with written_whole(path) as draft:
            sheet.save(draft, format="PNG")
        written.append(path)
    return written


def _tiles(batch: Batch, config: NetworkConfig) -> Iterator[Tile]:
    targets = batch.targets
    names = channel_names(config.classes, None, background=True) if config.by_class else ()
    pixels = (batch.images * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    for row, picture in enumerate(np.ascontiguousarray(pixels)):
        own = (targets.images == row).numpy()
        label = BOXED if targets.whole is None else int(targets.whole[row])
        named = config.classes[label] if label != BOXED else f"{own.sum()} boxes"
        masks = {} if targets.masks is None else _masks(targets.masks[row, 0].numpy(), names)
        yield Tile(
            picture=picture,
            title=f"{batch.size}: {'mask' if masks else named}",
            boxes=np.empty((0, 4), np.float32) if masks else targets.boxes.numpy()[own],
            labels=np.empty(0, np.int64) if masks else targets.labels.numpy()[own],
            masks=masks,
        )


def _masks(values: NDArray[np.float32], names: Sequence[str]) -> dict[int, NDArray[np.bool_]]:
    """Where objects are or, of channels with ``names``, where each class is."""
    if not names:
        return {0: values > 0}
    found = [int(value) for value in np.unique(values) if value != UNKNOWN]
    return {c: values == c for c in found if not is_background(names[c])}
