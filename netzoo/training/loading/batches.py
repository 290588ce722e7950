"""The batches of a training: images at one random size per step, with their targets."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset
from netzoo.losses._registry import Targets
from netzoo.training.class_masks import Bytes
from netzoo.training.loading.arrays import Arrays
from netzoo.training.loading.collating import Collate, Images
from netzoo.training.loading.draws import batches_of
from netzoo.training.loading.jobs import Job
from netzoo.training.loading.unreadable import Unreadable
from netzoo.training.loading.workers import Workers
from netzoo.training.settings import TrainingSettings
from sizewise.core.specs import Size

_LEVELS = 255


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images [B, 3, H, W], 0–1, of one size, with their targets. Those ``skipped`` could not be
    read: others stand in their place."""

    size: Size
    images: Tensor
    targets: Targets
    skipped: tuple[Unreadable, ...] = ()

    def to(self, device: torch.device) -> Batch:
        """The same in the memory of ``device``."""
        if device.type == "cpu":
            return self
        moved = self.images.to(device, non_blocking=True)
        return replace(self, images=moved, targets=self.targets.to(device))


def draw_batches(
    data: Dataset | ClassifiedSet,
    settings: TrainingSettings,
    *,
    keep_shape: bool = True,
    classified: ClassifiedSet | None = None,
    masks: bool = False,
    channels: Bytes | None = None,
    done: int = 0,
    rank: int = 0,
    workers: int = 0,
) -> Generator[Batch]:
    """Draw the batches of all steps, or of those after the first ``done``; every image comes once
    before any comes again. A step may have several batches, of one size.

    Without ``keep_shape``, images are stretched to the size instead of letterboxed. ``classified``
    images come among those of ``data`` (see ``netzoo.training.loading.joint``). With ``masks``, the
    targets hold the masks of the images; with ``channels`` (one for each label, 0–255), those of
    classes. ``rank`` is that of the process, where several share them.
    So many ``workers`` make them ahead, and end with the generator; what a batch holds follows from
    the settings and its number alone. Raises InputError and TrainingError.
    """
    draws = batches_of(settings, done, rank)
    images = Images(
        boxed=data.images, whole=classified.images if classified else None, seed=settings.seed
    )
    if not workers:
        collate = Collate(images, settings, keep_shape=keep_shape, masks=masks, channels=channels)
        yield from (_batch(collate(draw)) for draw in draws)
        return
    job = Job.of(images, settings, keep_shape=keep_shape, masks=masks, channels=channels)
    with Workers(min(workers, _left(settings, done)), job) as at_work:
        yield from map(_batch, at_work.each(draws))


def _left(settings: TrainingSettings, done: int) -> int:
    """Batches to come; more workers have nothing to do."""
    return max(1, (settings.steps - done) * settings.accumulate)


def _batch(arrays: Arrays) -> Batch:
    """Pixels stay in the order that they have in pictures: it is torch's ``channels_last``."""
    pixels = torch.from_numpy(arrays.pixels).permute(0, 3, 1, 2)
    masks = arrays.masks
    return Batch(
        size=arrays.size,
        skipped=arrays.skipped,
        images=pixels.to(torch.float32).div_(_LEVELS).contiguous(memory_format=torch.channels_last),
        targets=Targets(
            images=torch.from_numpy(arrays.images),
            labels=torch.from_numpy(arrays.labels),
            boxes=torch.from_numpy(arrays.boxes),
            whole=torch.from_numpy(arrays.whole),
            masks=None if masks is None else torch.from_numpy(masks)[:, None].to(torch.float32),
        ),
    )
