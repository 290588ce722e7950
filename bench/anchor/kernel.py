"""The anchor's work.

It feels what engines feel: matrix products (the cores' arithmetic and their frequency) and sums of
arrays (the outer caches and the memory, which neighbours share). Its threads begin together, take
piece after piece until none is left, as the threads of most engines do, and are waited for. With
even shares instead, the slower core alone would set the time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sizewise.core.holding.closing import Closing

_PIECES = 12
_SIDE = 200
"""Three square matrices of 156 KiB in each piece, which a second cache holds; 192 million
operations in a call."""
_STREAM = 1 << 16
"""Three arrays of 256 KiB in each piece; 9 MiB in a call, more than a core's own caches hold."""


class Kernel(Closing):
    """The work of one call, on ``threads`` threads: the caller's, and others that wait for it."""

    def __init__(self, threads: int) -> None:
        random = np.random.default_rng(0)

        def numbers(*shape: int) -> NDArray[np.float32]:
            return random.random(shape, np.float32)

        self._left, self._right = numbers(_SIDE, _SIDE), numbers(_PIECES, _SIDE, _SIDE)
        self._first, self._second = numbers(_PIECES, _STREAM), numbers(_PIECES, _STREAM)
        self._products, self._sums = np.zeros_like(self._right), np.zeros_like(self._first)
        self._pieces: deque[int] = deque()
        self._helpers = [_Helper(self._work) for _ in range(threads - 1)]

    def run(self) -> None:
        """One call: it ends when all threads are done."""
        self._pieces.extend(range(_PIECES))
        for helper in self._helpers:
            helper.begin()
        self._work()
        for helper in self._helpers:
            helper.wait()

    def _work(self) -> None:
        """Do pieces until none is left. numpy lets the other thread run while it computes."""
        while True:
            try:
                piece = self._pieces.popleft()
            except IndexError:
                return
            np.dot(self._left, self._right[piece], out=self._products[piece])
            np.add(self._first[piece], self._second[piece], out=self._sums[piece])

    def clear(self) -> None:
        """Forget the last call's results."""
        self._products.fill(0)
        self._sums.fill(0)

    def result(self) -> bytes:
        """All bits that the last call computed: those of every call, whichever thread made them."""
        return self._products.tobytes() + self._sums.tobytes()

    def close(self) -> None:
        """End the threads that wait."""
        for helper in self._helpers:
            helper.end()


class _Helper:
    """A thread that waits for its turn to ``work``. A lock wakes it (some 20 µs); nothing spins, so
    that no core is taken from what is measured next."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._go, self._done = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._done.acquire()
        self._ended = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def begin(self) -> None:
        self._go.release()

    def wait(self) -> None:
        """Wait for the end of the work, and raise what it raised."""
        self._done.acquire()
        if self._failure is not None:
            raise self._failure

    def end(self) -> None:
        self._ended = True
        self._go.release()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            self._go.acquire()
            if self._ended:
                return
            try:
                self._work()
            except BaseException as failure:  # noqa: BLE001 - its caller would wait for ever
                self._failure = failure
            self._done.release()
