"""Requests one after another: a bounded number of them, and threads that work on them."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any, TypeVar

from sizewise.core.holding.closing import Closing
from sizewise.pipeline.prediction.serving.refusing import RefusedError

T = TypeVar("T")
_ENDING_S = 1.0
_RECENT = 0.05
"""Weight of the last request in the mean time of one."""


class Desk(Closing):
    """Takes at most ``workers`` + ``waiting`` requests at a time.

    A place is taken before a request is read, so the memory of requests is bounded as well. What
    has a place is worked on, whatever happens: :meth:`close` waits for it.
    """

    def __init__(self, *, workers: int, waiting: int) -> None:
        self.places = workers + waiting
        self.taken = 0
        self.refused = 0
        self._workers = workers
        self._mean_s = 0.0
        self._open = True
        self._pending: set[Future[Any]] = set()
        self._lock = threading.Condition()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"serve-{n}", daemon=True)
            for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def is_open(self) -> bool:
        """Whether it takes requests."""
        return self._open

    def place(self) -> Place:
        """Take a place. Raises RefusedError (503) where there is none, or no more are given."""
        with self._lock:
            if self._open and self.taken < self.places:
                self.taken += 1
                return Place(self)
            self.refused += 1
        why = f"{self.places} requests are at work or wait" if self._open else "the server stops"
        raise RefusedError(
            503, f"The request can't be taken now: {why}.", retry_after_s=self._retry_after_s()
        )

    def stop(self) -> None:
        """Give no more places."""
        self._open = False

    def close(self) -> None:
        """Give no more places, and wait until all that were given are given back."""
        self.stop()
        with self._lock:
            self._lock.wait_for(lambda: not self.taken)
        self.abandon()

    def abandon(self) -> None:
        """End the workers. What is not done by now is refused, and nobody waits for it."""
        self.stop()
        for future in self._pending.copy():
            if not future.cancel():
                with suppress(InvalidStateError):
                    future.set_exception(RefusedError(503, "The server stopped meanwhile."))
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(_ENDING_S)
        self._threads = []

    def wait_idle(self, seconds: float) -> bool:
        """Whether all places are given back within this time."""
        with self._lock:
            return self._lock.wait_for(lambda: not self.taken, timeout=seconds)

    def give_back(self) -> None:
        with self._lock:
            self.taken -= 1
            self._lock.notify_all()

    def put(self, work: Callable[[], T]) -> Future[T]:
        """Have a worker do it."""
        future: Future[T] = Future()
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        self._jobs.put(lambda: self._do(work, future))
        return future

    def _do(self, work: Callable[[], T], future: Future[T]) -> None:
        if not future.set_running_or_notify_cancel():  # the client is gone
            return
        started = time.perf_counter()
        with suppress(InvalidStateError):  # it was abandoned
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - whoever waits for it takes it
                future.set_exception(error)
            else:
                future.set_result(result)
        took_s = time.perf_counter() - started
        self._mean_s += (took_s - self._mean_s) * (_RECENT if self._mean_s else 1)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _retry_after_s(self) -> int:
        """When half of those that wait may be done."""
        return max(1, math.ceil(self._mean_s * self.taken / self._workers / 2))


class Place(Closing):
    """A request's place, until it is answered."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def put(self, work: Callable[[], T]) -> Future[T]:
        return self._desk.put(work)

    def close(self) -> None:
        self._desk.give_back()
