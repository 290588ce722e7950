"""The accuracy of the trials of a sweep: each in a process of its own, after its latency."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from bench.accuracy.plan import DataKey
from bench.journal.rows import accuracy_key
from bench.journal.store import Store
from bench.planning.plan import Planned
from bench.remote import RemoteWorker
from bench.waves.launch import Launch, Limits
from sizewise.core.errors import EngineError, InputError, SizewiseError
from sizewise.core.machine.cores import usable_cores
from sizewise.core.progress import Progress, Stage
from sizewise.core.specs import EngineArtifact
from sizewise.core.trials import Accuracy, Result

if TYPE_CHECKING:
    from netzoo.tasks.task import Data as AnyData

IMAGES_PER_CALL = 32
"""About as many images in one call of a worker: its time-out is not for a whole data set."""

Data: TypeAlias = "Mapping[DataKey, AnyData]"
"""The images that accuracies are measured on."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the accuracy of trials is measured with."""

    data: Data
    obtain: Callable[[Planned], EngineArtifact]
    launch: Launch
    limits: Limits
    progress: Progress


def missing(
    planned: Iterable[Planned],
    on_file: Mapping[str, Result],
    data: Data,
    left_out: Collection[tuple[str, str, str]] = (),
) -> tuple[Planned, ...]:
    """Trials with a latency whose accuracy on their data is not on file. Those that are
    ``left_out`` (``Store.quarantined_accuracies``) are not tried."""

    def lacks(one: Planned) -> bool:
        result = on_file.get(one.trial.identity)
        if not one.data or result is None or result.status != "ok":
            return False
        wanted, known = _without_figures(one, data), result.accuracy
        if (one.trial.identity, *accuracy_key(wanted)) in left_out:
            return False
        return known is None or known.measured_on != wanted.measured_on

    return tuple(filter(lacks, planned))


def evaluate(setup: Evaluation, todo: Sequence[Planned], store: Store, run: int) -> None:
    """Measure the accuracy of each trial, and store it as soon as it is there. One that fails has
    its reason stored, and keeps its latency. Raises OutputError and RecordError."""
    if not todo:
        return
    total = sum(_calls(one, _data(setup, one)) for one in todo)
    at_once = _at_once(todo)

    def keep(planned: Planned, found: _Found) -> None:
        store.add_accuracy(run, planned.trial, found.accuracy, found.reason, found.reason_code)

    with setup.progress.stage("Accuracy", total) as stage:
        for start in range(0, len(todo), at_once):
            _side_by_side(setup, todo[start : start + at_once], stage, keep)


@dataclass(frozen=True, kw_only=True)
class _Found:
    accuracy: Accuracy
    reason: str = ""
    reason_code: str = ""


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
                    worker = setup.launch(setup.limits.under(planned.python))
                except EngineError as error:  # the system starts no process
                    keep(planned, _failed(setup, planned, error))
                    stage.advance(_calls(planned, _data(setup, planned)))
                    continue
                opened.callback(worker.close)
                work = partial(_evaluated, setup, planned, worker, stage)
                tasks[pool.submit(copy_context().run, work)] = planned
            for task in as_completed(tasks):
                keep(tasks[task], task.result())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _evaluated(setup: Evaluation, planned: Planned, worker: RemoteWorker, stage: Stage) -> _Found:
    data, model, plan = _data(setup, planned), planned.model, planned.accuracy
    step, left = _images_per_call(planned), _calls(planned, data)
    try:
        worker.prepare(setup.obtain(planned).path, planned.trial.cell.size)
        worker.open()
        card = plan.named(model.path.name, model.card)
        worker.prepare_accuracy(plan, _without_figures(planned, setup.data), card)
        for start in range(0, len(data.images), step):
            worker.evaluate(start, start + step)
            left -= 1
            stage.advance(note=planned.label)
        return _Found(accuracy=worker.accuracy())
    except (EngineError, InputError) as error:
        return _failed(setup, planned, error)
    finally:
        stage.advance(left)


def _failed(setup: Evaluation, planned: Planned, error: SizewiseError) -> _Found:
    return _Found(
        accuracy=_without_figures(planned, setup.data),
        reason=str(error),
        reason_code=error.reason_code,
    )


def _without_figures(planned: Planned, data: Data) -> Accuracy:
    """What is known of its accuracy before it is measured."""
    return planned.accuracy.nothing(planned.model, data[planned.key])


def _data(setup: Evaluation, planned: Planned) -> AnyData:
    return setup.data[planned.key]


def _calls(planned: Planned, data: AnyData) -> int:
    return math.ceil(len(data.images) / _images_per_call(planned))


def _images_per_call(planned: Planned) -> int:
    """A multiple of the batch size, so that only the very last batch is padded."""
    batch_size = planned.trial.spec.batch_size
    return batch_size * max(1, IMAGES_PER_CALL // batch_size)


def _at_once(todo: Iterable[Planned]) -> int:
    """Two at least: one decodes images and runs NMS while the other has the cores."""
    threads = max((one.trial.spec.threads for one in todo), default=1)
    return max(2, usable_cores() // threads)
