"""The way from a picture to the objects in it, timed part by part.

An engine that does NMS itself takes longer than one that does not, and saves the work after it. The
two compare only by the whole way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.timing.harness import no_garbage_collection
from engines.base import Clock, Session
from engines.feeding import infer_images
from netzoo.data.pictures.decoding import decode_picture
from netzoo.tasks.reading import ReadingOptions
from netzoo.tasks.registry import find_task, task_of
from netzoo.tasks.task import Predictor
from sizewise.core.options.declared import spelled
from sizewise.core.pictures.arrays import misfit
from sizewise.core.specs import ImageInput, ModelCard, Size
from sizewise.core.trials import Part

if TYPE_CHECKING:
    from netzoo.tasks.task import Data

PARTS = ("read", "letterbox", "engine", "decode", "whole")
"""From the file to its pixels; to the network's input; through the engine, with copies there and
back; to objects in the picture's pixels, NMS included where the graph has none; and the whole of
it, which begins with the pixels: reading a file is no matter of the engine, and the first engine to
read one finds it cold."""


def why_not(card: ModelCard, image: ImageInput, data: Data | None) -> str:
    """Why the way of a model of this card and input can't be timed; empty where it can."""
    task = task_of(card)
    if task is None:
        return "the file does not say what its outputs mean"
    if not task.predicts:
        return f"nothing here reads the outputs of its task, {task.name}"
    if not task.reads(card.layout):
        return f"nothing here reads the layout {card.layout} of its outputs"
    if data is None:
        return f"there are no pictures: they come with {spelled('data')}"
    if not data.images:
        return "there are no images in the data"
    return misfit(image, card.preprocessing)


def time_pictures(
    session: Session,
    clock: Clock,
    card: ModelCard,
    size: Size,
    pictures: Sequence[Path],
    *,
    wave: int,
) -> tuple[Part, ...]:
    """Time the way of each of ``pictures`` (one at least) through an open engine at ``size``.

    Gives PARTS, each with its nanoseconds picture by picture. NMS is as ``card`` has it in the
    graph, or else the usual one, as ``predict`` does it.

    An engine for batches takes as many pictures at once as its batch is large (filled up by
    beginning again), and the figures are of whole batches. The first batch goes ahead once without
    a clock: it finds everything cold. Raises InputError where a picture or an output can't be read,
    and InferenceError.
    """
    predictor = find_task(card.task).predictor(card.network, card, size, ReadingOptions())
    batches = _batches(pictures, session.artifact.spec.batch_size)
    _go(session, predictor, batches[0], _Stopwatch(lambda: 0))
    watch = _Stopwatch(clock)
    for batch in batches:
        with no_garbage_collection():
            _go(session, predictor, batch, watch)
    return tuple(
        Part(name=name, wave=wave, latency_ns=tuple(watch.latency_ns[name])) for name in PARTS
    )


def _batches(pictures: Sequence[Path], size: int) -> list[list[Path]]:
    starts = range(0, len(pictures), size)
    return [[pictures[(start + n) % len(pictures)] for n in range(size)] for start in starts]


@dataclass
class _Stopwatch:
    """Nanoseconds of each part so far."""

    clock: Clock
    latency_ns: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in PARTS})

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        begin = self.clock()
        yield
        self.latency_ns[name].append(self.clock() - begin)


def _go(
    session: Session, predictor: Predictor[Any], batch: Sequence[Path], watch: _Stopwatch
) -> None:
    """Go the whole way with a batch of pictures."""
    with watch.of("read"):
        pixels = [decode_picture(path) for path in batch]
    with watch.of("whole"):
        with watch.of("letterbox"):
            fits = [predictor.fit(picture) for picture in pixels]
            planes = [fitted.apply(picture) for fitted, picture in zip(fits, pixels, strict=True)]
        with watch.of("engine"):
            outputs = infer_images(session, planes, predictor.card.preprocessing)
        with watch.of("decode"):
            for fitted, of_picture in zip(fits, outputs, strict=True):
                predictor.read(fitted, of_picture)
