"""Our session beside the library by itself: what the harness and our settings cost an engine.

A cell is one engine at one size and number of threads.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.audit.answers import Answer
from bench.audit.turns import PairedWave, cpu_ratio_of, ratio_of
from engines.backends._bare.calls import bare_source
from sizewise.core.specs import EngineArtifact, ExportedModel, Size
from sizewise.core.stats import Interval

LOW, HIGH = 0.97, 1.05
"""No cell's whole interval may lie outside: a session may be a little faster than a plain loop,
because it keeps its outputs' memory, and may cost a little more."""
MEDIAN_LOW, MEDIAN_HIGH = 0.98, 1.02
"""Of the ratios of all cells that are shown."""
WIDEST = 0.03
"""Half the width of an interval, as a share, beyond which a cell shows nothing."""
CPU_LOW, CPU_HIGH = 0.95, 1.05
"""Of a cell's CPU time over wall time, ours over the library's. Threads that are kept from spinning
wait without a core: they show here before they show in a latency."""
LEAST_SHOWN = 0.5
"""The share of cells that have to be shown before they say anything together."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One engine of ours at ``size``, and the ``source`` that its library opens by itself."""

    network: str
    engine: EngineArtifact
    source: Path
    size: Size

    @classmethod
    def of(cls, model: ExportedModel, engine: EngineArtifact, size: Size) -> Cell:
        return cls(
            network=model.card.network,
            engine=engine,
            source=bare_source(model, engine),
            size=size,
        )

    @property
    def label(self) -> str:
        spec = self.engine.spec
        threads = "1 thread" if spec.threads == 1 else f"{spec.threads} threads"
        return f"{spec.backend} {spec.strategy}, {self.network} {self.size}, {threads}"


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What was measured of a cell: ours first, the library by itself second."""

    label: str
    waves: tuple[PairedWave, ...]

    @property
    def ratio(self) -> Interval:
        """Our session's latency over the library's own."""
        return ratio_of(self.waves)

    @property
    def shown(self) -> bool:
        """Whether the interval is narrow enough to say anything."""
        width = self.ratio.width
        return width is not None and width <= WIDEST

    @property
    def outside(self) -> bool:
        """Whether the whole interval lies out of bounds."""
        ratio = self.ratio
        if ratio.low is None or ratio.high is None:
            return False
        return ratio.high < LOW or ratio.low > HIGH

    @property
    def cpu_ratio(self) -> Interval | None:
        """CPU time over wall time in warm calls: ours over the library's. None where the system
        counted no CPU time."""
        return cpu_ratio_of(self.waves)

    @property
    def cpu_outside(self) -> bool:
        """Whether the whole interval of that lies out of bounds."""
        ratio = self.cpu_ratio
        if ratio is None or ratio.low is None or ratio.high is None:
            return False
        return ratio.high < CPU_LOW or ratio.low > CPU_HIGH

    @property
    def answer(self) -> Answer:
        """Whether it is within bounds."""
        return "not shown" if not self.shown else "no" if self.outside else "yes"


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """What all cells say together, of ``planned`` ones: those that were measured, the labels of
    those that are shown and ``outside`` and of those that are ``not_shown``, and the median ratio
    of those that are shown (None where none is)."""

    planned: int
    cells: int
    outside: tuple[str, ...]
    not_shown: tuple[str, ...]
    median: float | None

    @property
    def shown(self) -> int:
        """How many cells are shown."""
        return self.cells - len(self.not_shown)

    @property
    def within(self) -> bool:
        """Whether the median is within its bounds."""
        return self.median is not None and MEDIAN_LOW <= self.median <= MEDIAN_HIGH

    @property
    def enough(self) -> bool:
        """Whether every planned cell was measured, and at least half of them are shown."""
        return self.cells >= self.planned and self.shown >= LEAST_SHOWN * self.planned

    @property
    def answer(self) -> Answer:
        """Whether the rule holds: one cell that is outside is enough to break it."""
        if self.outside:
            return "no"
        if not self.enough:
            return "not shown"
        return "yes" if self.within else "no"


def fairness(cells: Sequence[Parity], planned: int) -> Fairness:
    """The verdict over the cells that were measured, of so many that were ``planned``."""
    shown = [cell for cell in cells if cell.shown]
    return Fairness(
        planned=planned,
        cells=len(cells),
        outside=tuple(cell.label for cell in shown if cell.outside),
        not_shown=tuple(cell.label for cell in cells if not cell.shown),
        median=statistics.median(cell.ratio.point for cell in shown) if shown else None,
    )
