"""What watches the machine while waves are measured: readings over each round, and the anchor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from bench import anchor, gate
from bench.drift import DriftChart
from bench.harness import Turn
from bench.launch import Limits
from bench.measured import median_ns
from bench.waves import Watch
from sizewise.core import codec
from sizewise.core.child import Child, ChildError
from sizewise.core.closing import Closing
from sizewise.core.disturbances import DRIFT, disturbances
from sizewise.core.trials import Reading, Sample

_ANCHOR = "bench.anchor:AnchorWorker"

Watching = Callable[[Limits], AbstractContextManager[Watch]]
"""Opens the watch of a sweep; tests put another in its place."""


@contextmanager
def watching(limits: Limits) -> Iterator[Watch]:
    """Watch this machine, with the anchor in a child of its own. Raises ChildError."""
    with MachineWatch(limits.timeout_s) as watch:
        yield watch


class MachineWatch(Closing):
    """The readings of this machine, and the anchor in a child. Raises ChildError."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._chart = DriftChart()
        self._child = _start_anchor()
        self.anchor = anchor.kernel_name()

    def begin(self, pids: Sequence[int]) -> None:
        """Start reading, with the children ``pids`` at work."""
        self._start = gate.snapshot((*pids, self._child.pid))

    def measure_anchor(self, turn: Turn) -> Sample:
        """Time a turn of the anchor. One that died, of memory or by a hand, is started again once.

        Raises ChildError, and InferenceError where its result changes.
        """
        try:
            return self._timed(turn)
        except ChildError:
            self._child.close()
            self._child = _start_anchor()
            return self._timed(turn)

    def _timed(self, turn: Turn) -> Sample:
        arguments = {"turn": codec.to_plain(turn)}
        given = self._child.call("measure", arguments, timeout_s=self._timeout_s)
        return codec.from_plain(given, Sample)

    def end(self, pids: Sequence[int]) -> Reading:
        """What happened since :meth:`begin`."""
        return gate.reading(self._start, gate.snapshot((*pids, self._child.pid)))

    def disturbances(self, reading: Reading, anchor: Sample | None) -> tuple[str, ...]:
        """Why a round does not count; empty where it does."""
        found = disturbances(reading)
        if anchor is None or not self._chart.add(median_ns(anchor)):
            return found
        return (*found, DRIFT)

    def close(self) -> None:
        """End the anchor's child."""
        self._child.close()


def _start_anchor() -> Child:
    return Child(_ANCHOR, {}, variables=anchor.VARIABLES)
