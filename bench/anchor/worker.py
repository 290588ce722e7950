"""The anchor: a fixed kernel of ours, timed in every round as engines are.

It is the same work in every group, run and shard, so it ties their results to each other; and where
it takes another time than before, the machine has changed: only such a probe sees a hypervisor's
neighbours that the system does not report. No library under test is in it.

It lives in a process of its own, with two threads where two cores are usable.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench.anchor.kernel import Kernel
from bench.timing.harness import Turn, time_turn
from sizewise.core import codec
from sizewise.core.errors import InferenceError
from sizewise.core.holding.closing import Closing
from sizewise.core.machine.cores import default_threads

ANCHOR = 1
"""Raised by hand where a change of ``bench.anchor.kernel`` changes its time: results of different
anchors are not tied to each other."""
VARIABLES = {
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMPY_MADVISE_HUGEPAGE": "0",
}
"""The environment of the anchor's process: one thread for each BLAS that numpy may have been built
with, and no huge pages, which a process gets by luck."""

_MOST_THREADS = 2


def kernel_name() -> str:
    """The kernel, and what it depends on beside the machine: its threads, numpy and numpy's BLAS.
    Results of two names can't be tied to each other."""
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    library = f"{blas.get('name', 'no BLAS')} {blas.get('version', '')}".strip()
    return f"anchor {ANCHOR}, threads {_threads()}, numpy {np.__version__}, {library}"


def _threads() -> int:
    return min(_MOST_THREADS, default_threads())


class AnchorWorker(Closing):
    """The object in the anchor's process. Raises InferenceError where a result changes."""

    def __init__(self) -> None:
        self._kernel = Kernel(_threads())
        self._kernel.run()
        self._expected = self._kernel.result()

    def measure(self, turn: dict[str, Any]) -> Any:
        """Time a turn: a plain Sample; ``turn`` is a plain Turn."""
        self._kernel.clear()
        sample = time_turn(self._kernel.run, time.perf_counter_ns, codec.from_plain(turn, Turn))
        if self._kernel.result() != self._expected:
            raise InferenceError(
                "The anchor kernel computed something else than at first",
                "the same work on the same numbers gave other bits",
                "Check the machine's memory and clock settings: its results can't be relied upon.",
                reason_code="numerics",
            )
        return codec.to_plain(sample)

    def close(self) -> None:
        """End the kernel's threads."""
        self._kernel.close()
