"""What watches the machine while waves are measured: readings over each round, and the anchor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from bench import gate
from bench.anchor import worker as anchor
from bench.anchor.drift import DriftChart
from bench.remote import answered
from bench.timing.harness import Turn
from bench.waves.launch import Limits
from bench.waves.measured import median_ns
from bench.waves.wave import Watch
from sizewise.core import codec
from sizewise.core.children.child import Child, ChildError
from sizewise.core.children.failures import not_started
from sizewise.core.holding.closing import Closing
from sizewise.core.progress import SILENT
from sizewise.core.trials import Reading, Sample
from sizewise.core.trials.disturbances import DRIFT, disturbances

_ANCHOR = "bench.anchor.worker:AnchorWorker"
_WITHOUT_ANCHOR = (
    "The sweep goes on without the anchor: what is measured from now on is compared only where it "
    "had rounds in common, and a change of the machine's own speed is not noticed."
)

Remark = Callable[[str], None]
Watching = Callable[[Limits, Remark], AbstractContextManager[Watch]]
"""Opens the watch of a sweep; tests put another in its place."""


@contextmanager
def watching(limits: Limits, remark: Remark = SILENT.remark) -> Iterator[Watch]:
    """Watch this machine, with the anchor in a child of its own; ``remark`` is told where that is
    given up. Raises ChildError."""
    with MachineWatch(limits.timeout_s, remark) as watch:
        yield watch


class MachineWatch(Closing):
    """The readings of this machine, and the anchor in a child. Raises ChildError where one of the
    two can't be started."""

    def __init__(self, timeout_s: float, remark: Remark = SILENT.remark) -> None:
        self._timeout_s, self._remark = timeout_s, remark
        self._chart = DriftChart()
        try:
            self._stops = gate.Stops()
        except RuntimeError as error:  # no more threads
            raise not_started("the watch of this machine", error) from error
        self._child: Child | None
        try:
            self._child = _start_anchor()
        except BaseException:
            self._stops.close()
            raise
        self.anchor = anchor.kernel_name()

    @property
    def stopped_s(self) -> float:
        """Seconds so far in which this process was stopped."""
        return self._stops.seconds()

    def begin_wave(self) -> None:
        """Start the anchor in a fresh process, as engines are: the luck of a process averages out
        over waves."""
        if self._child is None:
            return
        self._end_anchor()
        try:
            self._child = _start_anchor()
        except ChildError as error:
            self._go_without(error)

    def begin(self, pids: Sequence[int]) -> None:
        """Start reading, with the children ``pids`` at work."""
        self._stopped_before_s = self.stopped_s
        self._start = gate.snapshot(self._with_anchor(pids))

    def measure_anchor(self, turn: Turn) -> Sample | None:
        """Time a turn of the anchor. One that died, of memory or by a hand, is started again once;
        where that dies too, there is none from then on.

        Raises InferenceError where its result changes.
        """
        try:
            return self._timed(turn)
        except ChildError:
            self._end_anchor()
        try:
            self._child = _start_anchor()
            return self._timed(turn)
        except ChildError as error:
            self._go_without(error)
            return None

    def _timed(self, turn: Turn) -> Sample | None:
        if self._child is None:
            return None
        arguments = {"turn": codec.to_plain(turn)}
        given = self._child.call("measure", arguments, timeout_s=self._timeout_s)
        return answered(given, Sample, of="The anchor")

    def end(self, pids: Sequence[int]) -> Reading:
        """What happened since :meth:`begin`."""
        reading = gate.reading(self._start, gate.snapshot(self._with_anchor(pids)))
        return replace(reading, stopped_s=self.stopped_s - self._stopped_before_s)

    def disturbances(self, reading: Reading, anchor: Sample | None) -> tuple[str, ...]:
        """Why a round does not count; empty where it does."""
        found = disturbances(reading)
        if anchor is None or not self._chart.add(median_ns(anchor)):
            return found
        return (*found, DRIFT)

    def close(self) -> None:
        """End the anchor's child."""
        self._stops.close()
        self._end_anchor()

    def _with_anchor(self, pids: Sequence[int]) -> Sequence[int]:
        return pids if self._child is None else (*pids, self._child.pid)

    def _go_without(self, error: ChildError) -> None:
        self._end_anchor()
        self.anchor = ""
        self._remark(f"{error} {_WITHOUT_ANCHOR}")

    def _end_anchor(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None


def _start_anchor() -> Child:
    return Child(_ANCHOR, {}, variables=anchor.VARIABLES)
