"""Engines whose difference is known beforehand, in a sweep as any other.

Each of two networks is measured as two replicas: the same engine twice must be called neither
faster nor slower, and eleven convolutions must be called slower than ten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.audit.answers import Answer
from bench.audit.models import CHAIN_SIZE, chain_name, write_chain
from bench.journal.store import Store
from bench.planning.settings import SweepSettings
from bench.sweep import sweep
from bench.waves.launch import Launch, launch_child
from bench.waves.watching import Watching, watching
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import Sizes
from sizewise.core.stats import (
    RIGORS,
    Ratio,
    Summary,
    Verdict,
    Wander,
    contrast,
    summarize,
    verdicts,
    wander,
)
from sizewise.core.trials import Result

FEW, MANY = 10, 11
"""Convolutions of the two networks."""
PLANTED = MANY / FEW
PLANTED_LOW, PLANTED_HIGH = 1.05, 1.15
"""The planted difference is found where the interval of the ratio meets these: the first
convolution, and what a call costs beside its arithmetic, make it a little less than a tenth."""
RIGOR = RIGORS["quick"]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A ratio of latencies, and what the harness says of it."""

    ratio: Ratio
    verdict: Verdict | None

    @property
    def different(self) -> bool:
        return self.verdict in ("FASTER", "SLOWER")

    @property
    def same(self) -> Answer:
        """Whether two that are one engine are called the same. Not shown by fewer waves than any
        sweep rests on, nor where the difference is not known."""
        if self.ratio.waves < RIGOR.min_waves:
            return "not shown"
        return "yes" if self.verdict == "SAME" else "no" if self.different else "not shown"

    @property
    def planted(self) -> Answer:
        """Whether it is called slower, by about as much as it has more work."""
        low, high = self.ratio.low, self.ratio.high
        if not self.different or low is None or high is None:
            return "not shown"
        about = low <= PLANTED_HIGH and high >= PLANTED_LOW
        return "yes" if self.verdict == "SLOWER" and about else "no"


@dataclass(frozen=True, kw_only=True)
class Twins:
    """``same``: each network's replicas beside each other. ``planted``: the longer network over the
    shorter one, for each replica. ``disturbed`` are attempts at rounds that did not count, of
    ``rounds``; ``half_width`` is that of the widest interval of an absolute latency.

    Figures are made of so many ``waves``, without those that were left out because something
    disturbed them. ``rows_disturbed`` are the engines whose rows a report would mark (None in
    records of before), and ``causes`` the codes of why."""

    backend: str
    waves: int
    same: tuple[Judged, ...]
    planted: tuple[Judged, ...]
    wander: Wander | None
    half_width: float | None
    rounds: int
    disturbed: int
    rows_disturbed: int | None = None
    causes: tuple[str, ...] = ()

    @property
    def engines(self) -> int:
        """How many were measured: each network has two replicas."""
        return len(self.same) * 2

    @property
    def crowded(self) -> bool:
        """Whether others took too much of the cores for any comparison."""
        return any(one.ratio.crowded for one in (*self.same, *self.planted))

    @property
    def ratio_half_width(self) -> float | None:
        """Half the width of the widest of the ratios' intervals, as a share."""
        widths = [one.ratio.width for one in (*self.same, *self.planted)]
        known = [width for width in widths if width is not None]
        return max(known) if len(known) == len(widths) else None


def measure_twins(
    backend: str,
    threads: int,
    out: Path,
    *,
    waves: int,
    minutes: float,
    progress: Reporter = SILENT,
    launch: Launch = launch_child,
    watch: Watching = watching,
) -> Twins:
    """Measure the four engines in ``out``, an empty folder, in so many ``waves``; after ``minutes``
    no other begins. Raises as :func:`bench.sweep.sweep`, and RecordError where nothing could be
    measured."""
    models = [write_chain(out / f"{chain_name(n)}.onnx", n) for n in (FEW, MANY)]
    settings = SweepSettings(
        backends=(backend,),
        strategies=("static",),
        sizes=Sizes((CHAIN_SIZE,)),
        threads=threads,
        replicas=2,
        rigor=RIGOR.name,
        processes=waves,
        max_minutes=minutes,
    )
    outcome = sweep(models, settings, out, progress=progress, launch=launch, watch=watch)
    with Store.open(outcome.results, read_only=True) as store:
        return judge(store.results())


def judge(results: Mapping[str, Result]) -> Twins:
    """What the four results say. Raises RecordError where one has no samples."""
    placed = {(one.trial.cell.network, one.trial.replica): one for one in results.values()}
    few, many = ([placed[chain_name(n), replica] for replica in (0, 1)] for n in (FEW, MANY))
    group = (*few, *many)
    same = [contrast(one, other, group) for one, other in (few, many)]
    planted = [contrast(more, less, group) for more, less in zip(many, few, strict=True)]
    said = [
        Judged(ratio=ratio, verdict=verdict)
        for ratio, verdict in zip(
            (*same, *planted), verdicts((*same, *planted), RIGOR), strict=True
        )
    ]
    rounds = {(b.wave, b.round, b.attempt): b.valid for one in group for b in one.blocks}
    rows = list(map(summarize, group))
    return Twins(
        backend=few[0].trial.cell.backend,
        waves=min(row.processes for row in rows),
        same=tuple(said[: len(same)]),
        planted=tuple(said[len(same) :]),
        wander=wander(group),
        half_width=_widest(rows),
        rounds=len(rounds),
        disturbed=sum(not valid for valid in rounds.values()),
        rows_disturbed=sum(row.disturbed for row in rows),
        causes=tuple(dict.fromkeys(why.code for row in rows for why in row.disturbances)),
    )


def _widest(rows: Sequence[Summary]) -> float | None:
    widths = [row.width for row in rows]
    known = [width for width in widths if width is not None]
    return max(known, default=None)
