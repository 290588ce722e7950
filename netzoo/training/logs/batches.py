"""The first batches of a training as pictures: what the network sees, with what it learns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset
from netzoo.data.relabelling import relabelled
from netzoo.tasks.registry import find_task
from netzoo.tasks.sheets import Tile, contact_sheet
from netzoo.training.checks import check_data
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
) -> list[Path]:
    """Draw the first ``count`` batches of this very training into ``paths``, a PNG each.

    They are drawn as the training draws them, from its seed, and it draws them again. Raises
    InputError and OutputError.
    """
    if config.tree:
        data = relabelled(data, config.classes)
        classified = relabelled(classified, config.classes) if classified else None
    check_data(find_network(config.name), config, data)
    batches = draw_batches(
        data,
        settings,
        keep_shape=keeps_shape(config),
        classified=classified,
        masks=find_task(find_network(config.name).task).learns_masks,
    )
    written = []
    for batch, path in zip(islice(batches, count), paths, strict=False):
        side = max(batch.size.height, batch.size.width)
        side *= math.ceil(_LEAST_PX / side)
        sheet = contact_sheet(list(_tiles(batch, config.classes)), config.classes, side)
        with written_whole(path) as draft:
            sheet.save(draft, format="PNG")
        written.append(path)
    return written


def _tiles(batch: Batch, classes: Sequence[str]) -> Iterator[Tile]:
    targets = batch.targets
    pixels = (batch.images * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    for row, picture in enumerate(np.ascontiguousarray(pixels)):
        own = (targets.images == row).numpy()
        label = BOXED if targets.whole is None else int(targets.whole[row])
        named = classes[label] if label != BOXED else f"{own.sum()} boxes"
        masks = {} if targets.masks is None else {0: targets.masks[row, 0].numpy() > 0}
        yield Tile(
            picture=picture,
            title=f"{batch.size}: {'mask' if masks else named}",
            boxes=np.empty((0, 4), np.float32) if masks else targets.boxes.numpy()[own],
            labels=np.empty(0, np.int64) if masks else targets.labels.numpy()[own],
            masks=masks,
        )
