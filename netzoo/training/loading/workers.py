"""Processes that make the batches of a training ahead of it.

They are fresh processes of ours (``sizewise.core.children``), and no copies: a copy of a process
with threads (torch's, a progress bar's, gloo's) may wait for ever for a lock that one of these
held, and Python warns of it since 3.12. torch's DataLoader and ``multiprocessing`` start fresh ones
too, but run the user's own script in them again. Ours end with the training, however that ends;
stop while it is stopped; and are held to a limit of memory.

A batch comes back in a file of the worker's temporary folder, which the training reads at once.
Each worker has two: while one is read, the next is made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from netzoo.training.loading.arrays import Arrays, load_arrays
from netzoo.training.loading.draws import Draw
from netzoo.training.loading.jobs import Job
from netzoo.training.loading.unreadable import Unreadable
from sizewise.core import codec
from sizewise.core.children.child import Child, ChildError
from sizewise.core.errors import TrainingError
from sizewise.core.files import output_error
from sizewise.core.holding.closing import Closing
from sizewise.core.holding.temporary import naming_tmpdir
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size

AHEAD = 2
"""Batches that each worker makes before the training asks for them."""
_TARGET = "netzoo.training.loading.worker:Worker"
_CALLED = "The process that loads pictures"
_LONGEST_S = 600.0
"""A batch may wait for a slow disk or network."""


class _Place(NamedTuple):
    """A file of a worker, for one batch after another."""

    child: Child
    path: Path


class Workers(Closing):
    """``count`` processes that make the batches of a job. Raises TrainingError where one can't be
    started."""

    def __init__(self, count: int, job: Job) -> None:
        self._masks = job.masks
        with ExitStack() as started:
            children = [started.enter_context(_started()) for _ in range(count)]
            described = children[0].folder / "job"
            with naming_tmpdir():
                _save(job, described)
            for child in children:
                child.ask("__init__", {"job": str(described), "workers": count})
            for child in children:
                _answered(child)
            described.unlink()
            self._places = [
                _Place(child, child.folder / f"batch{number}")
                for number in range(AHEAD)
                for child in children
            ]
            self._children = started.pop_all()

    def each(self, draws: Iterator[Draw]) -> Iterator[Arrays]:
        """The batches of the draws in their order. An error of a worker is raised where its batch
        is due: InputError where too many pictures can't be read, TrainingError where a worker
        ends."""
        waiting: deque[tuple[_Place, Size]] = deque()
        for draw, place in zip(draws, cycle(self._places), strict=False):
            due = self._take(*waiting.popleft()) if len(waiting) == len(self._places) else None
            _ask(place, draw)
            waiting.append((place, draw.size))
            if due is not None:
                yield due
        while waiting:
            yield self._take(*waiting.popleft())

    def close(self) -> None:
        self._children.close()

    def _take(self, place: _Place, size: Size) -> Arrays:
        skipped = tuple(codec.from_plain(one, Unreadable) for one in _answered(place.child))
        try:
            found = load_arrays(place.path, size, masks=self._masks)
        except (OSError, ValueError, EOFError) as error:
            raise TrainingError(
                f"{place.path}, a batch of the training, can't be read", str(error), _todo()
            ) from error
        return replace(found, skipped=skipped)


def _save(job: Job, path: Path) -> None:
    try:
        job.save(path)
    except OSError as error:
        raise output_error(path, error) from error


def _started() -> Child:
    try:
        return Child(_TARGET, called=_CALLED)
    except ChildError as error:
        raise _failure(error) from error


def _ask(place: _Place, draw: Draw) -> None:
    told = {"step": draw.step, "size": str(draw.size), "path": str(place.path)}
    try:
        place.child.ask("make", told | {"first": draw.places.start, "end": draw.places.stop})
    except ChildError as error:
        raise _failure(error) from error


def _answered(child: Child) -> Any:
    try:
        return child.answer(timeout_s=_LONGEST_S)
    except ChildError as error:
        raise _failure(error) from error


def _failure(error: ChildError) -> TrainingError:
    return TrainingError(error.what, error.why, _todo(), reason_code=error.reason_code)


def _todo() -> str:
    return f"Give fewer {spelled('workers')}; with 0, the training loads pictures itself."
