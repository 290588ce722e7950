"""A process that makes batches for a training. It imports no torch: it is there in a second, and
its own threads can't wait for those of the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netzoo.training.loading.arrays import save_arrays
from netzoo.training.loading.collating import CACHE_BYTES, Collate
from netzoo.training.loading.draws import Draw
from netzoo.training.loading.jobs import Job
from sizewise.core import codec
from sizewise.core.holding.temporary import naming_tmpdir
from sizewise.core.specs import Size


class Worker:
    """One of ``workers``. ``job`` is the file of a :class:`Job`."""

    def __init__(self, job: str, workers: int) -> None:
        told = Job.load(Path(job))
        self._collate = Collate(
            told.images,
            told.settings,
            keep_shape=told.keep_shape,
            masks=told.masks,
            channels=told.table,
            cache_bytes=CACHE_BYTES // workers,
        )

    def make(self, *, step: int, size: str, first: int, end: int, path: str) -> list[Any]:
        """Write the batch of the images at the places from ``first`` to before ``end`` into
        ``path``, and return those that could not be read. Raises InputError where too many can't
        be, OutputError where the disk is full."""
        draw = Draw(step=step, size=Size.parse(size), places=range(first, end))
        arrays = self._collate(draw)
        with naming_tmpdir():
            save_arrays(arrays, Path(path))
        return [codec.to_plain(one) for one in arrays.skipped]
