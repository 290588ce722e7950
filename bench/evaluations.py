"""The accuracy of the trials of a sweep: each in a process of its own, after its latency."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass

from bench.journal.store import Store
from bench.launch import Launch, Limits
from bench.plan import Planned
from bench.remote import RemoteWorker
from netzoo.data.coco import Dataset
from sizewise.core.errors import EngineError, InputError
from sizewise.core.machine.cores import usable_cores
from sizewise.core.progress import Progress, Stage
from sizewise.core.specs import EngineArtifact
from sizewise.core.trials import Accuracy, Result

IMAGES_PER_CALL = 32
"""About as many images in one call of a worker: its time-out is not for a whole data set."""

Data = Mapping[tuple[str, int], Dataset]
"""The images by source, and by how many of them are taken."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the accuracy of trials is measured with."""

    data: Data
    obtain: Callable[[Planned], EngineArtifact]
    launch: Launch
    limits: Limits
    progress: Progress


def missing(
    planned: Iterable[Planned], on_file: Mapping[str, Result], data: Data
) -> tuple[Planned, ...]:
    """Trials with a latency whose accuracy on their data is not on file."""

    def lacks(one: Planned) -> bool:
        result = on_file.get(one.trial.identity)
        if not one.data or result is None or result.status != "ok":
            return False
        wanted, known = data[one.data, one.images], result.accuracy
        return known is None or (known.data_sha256, known.chosen) != (wanted.sha256, wanted.chosen)

    return tuple(filter(lacks, planned))


def evaluate(setup: Evaluation, todo: Sequence[Planned], store: Store, run: int) -> None:
    """Measure the accuracy of each trial, and store it as soon as it is there. One that fails has
    its reason stored, and keeps its latency. Raises OutputError and RecordError."""
    if not todo:
        return
    total = sum(_calls(one, _data(setup, one)) for one in todo)
    at_once = _at_once(todo)

    def keep(planned: Planned, found: _Found) -> None:
        store.add_accuracy(run, planned.trial, found.accuracy, found.reason)

    with setup.progress.stage("Accuracy", total) as stage:
        for start in range(0, len(todo), at_once):
            _side_by_side(setup, todo[start : start + at_once], stage, keep)


@dataclass(frozen=True, kw_only=True)
class _Found:
    accuracy: Accuracy
    reason: str = ""


def _side_by_side(
    setup: Evaluation,
    together: Sequence[Planned],
    stage: Stage,
    keep: Callable[[Planned, _Found], None],
) -> None:
    """Evaluate trials at the same time; ``keep`` is given each as it ends, in this thread.

    Children are started here, and not by the pool's threads: they die with the thread that started
    them. An interruption does not wait for the rest.
    """
    pool = ThreadPoolExecutor(len(together))
    try:
        with ExitStack() as opened:
            tasks: dict[Future[_Found], Planned] = {}
            for planned in together:
                try:
                    worker = setup.launch(setup.limits)
                except EngineError as error:  # the system starts no process
                    keep(planned, _failed(setup, planned, error))
                    stage.advance(_calls(planned, _data(setup, planned)))
                    continue
                opened.callback(worker.close)
                tasks[pool.submit(_evaluated, setup, planned, worker, stage)] = planned
            for task in as_completed(tasks):
                keep(tasks[task], task.result())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _evaluated(setup: Evaluation, planned: Planned, worker: RemoteWorker, stage: Stage) -> _Found:
    data = _data(setup, planned)
    step, left = _images_per_call(planned), _calls(planned, data)
    try:
        worker.prepare(setup.obtain(planned).path, planned.trial.cell.size)
        worker.open()
        worker.prepare_accuracy(planned.data, planned.images, data.sha256, planned.model.card)
        for start in range(0, len(data.images), step):
            worker.evaluate(start, start + step)
            left -= 1
            stage.advance(note=planned.label)
        return _Found(accuracy=worker.accuracy())
    except (EngineError, InputError) as error:
        return _failed(setup, planned, error)
    finally:
        stage.advance(left)


def _failed(setup: Evaluation, planned: Planned, error: Exception) -> _Found:
    data = _data(setup, planned)
    nothing = Accuracy(images=0, data_sha256=data.sha256, chosen=data.chosen)
    return _Found(accuracy=nothing, reason=str(error))


def _data(setup: Evaluation, planned: Planned) -> Dataset:
    return setup.data[planned.data, planned.images]


def _calls(planned: Planned, data: Dataset) -> int:
    return math.ceil(len(data.images) / _images_per_call(planned))


def _images_per_call(planned: Planned) -> int:
    """A multiple of the batch size, so that only the very last batch is padded."""
    batch_size = planned.trial.spec.batch_size
    return batch_size * max(1, IMAGES_PER_CALL // batch_size)


def _at_once(todo: Iterable[Planned]) -> int:
    """Two at least: one decodes images and runs NMS while the other has the cores."""
    threads = max((one.trial.spec.threads for one in todo), default=1)
    return max(2, usable_cores() // threads)
