"""What was measured, by kinds of engines: one model in one back end with the same options."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from reports.choice.planning.demand import scale
from reports.choice.planning.fitting import Fit, fit
from reports.columns import Row
from reports.rows.grouping import grouped, latest, measured_of
from sizewise.core.specs import EngineSpec, Profile, Size

_QUANTILES = 200
"""That stand for the calls of a row."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A figure above 0 over sizes: as measured, and a model of it (None: there are too few
    sizes)."""

    measured: Mapping[Size, float]
    fit: Fit | None

    @classmethod
    def of(cls, measured: Mapping[Size, float], doubted: Collection[Size] = ()) -> Self:
        """Measurements that are ``doubted`` are left out where a model of the others holds and
        covers them."""
        known = {size: value for size, value in measured.items() if value > 0}
        sound = {size: value for size, value in known.items() if size not in doubted}
        model = fit(sound)
        if model is None or not model.holds:
            return cls(measured=known, fit=fit(known))
        left = {size: value for size, value in known.items() if not model.covers(size)}
        return cls(measured=sound | left, fit=model)

    def at(self, size: Size) -> float | None:
        """As measured; else of a model that is right to 5 %, between sizes that were measured."""
        if size in self.measured:
            return self.measured[size]
        if self.fit and self.fit.holds and self.fit.covers(size):
            return self.fit.at(size)
        return None

    def at_most(self, size: Size) -> float | None:
        """The same; where there is none, as measured at the next input that holds the size."""
        known = self.at(size)
        if known is None:
            holding = [one for one in self.measured if scale(size, one) == 1]
            nearest = min(holding, key=lambda one: one.pixels, default=None)
            known = None if nearest is None else self.measured[nearest]
        return known

    def hoped(self, size: Size) -> float | None:
        """The same; of a model that errs more, the least that its error leaves."""
        known = self.at(size)
        if known is None and self.fit and self.fit.covers(size):
            return self.fit.at(size) * max(0.0, 1 - self.fit.error)
        return known


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Rows of one kind of engine and one strategy, by size. Those of the strategy ``static`` are of
    an engine each, the others of the one engine ``spec``."""

    name: str
    spec: EngineSpec
    rows: Mapping[Size, Row]

    @property
    def any(self) -> Row:
        return next(iter(self.rows.values()))

    @property
    def is_static(self) -> bool:
        return self.spec.strategy == "static"

    @cached_property
    def ms(self) -> Figures:
        """Mean milliseconds of a picture."""
        doubted = [size for size, row in self.rows.items() if row.disturbed]
        return Figures.of({size: mean_ms(row) for size, row in self.rows.items()}, doubted)

    def memory_mib(self, size: Size) -> float | None:
        """What an engine for ``size`` adds to the process: as measured; else that of the next
        larger size, which is no less. None where none is larger."""
        if size in self.rows:
            return added_mib(self.rows[size])
        larger = [one for one in self.rows if one.pixels >= size.pixels]
        return added_mib(self.rows[min(larger, key=lambda one: one.pixels)]) if larger else None

    @property
    def most_memory_mib(self) -> float:
        """What the engine adds to the process after calls at all of its sizes."""
        return max(map(added_mib, self.rows.values()))

    @property
    def before_mib(self) -> float:
        """Memory of a process that has loaded the library, and no engine; 0 on a GPU, whose memory
        is counted there."""
        return max(map(_before_mib, self.rows.values()))

    @cached_property
    def switch_ms(self) -> float:
        """What the first call at a size takes longer where the one before it was of another; 0
        where that was not measured."""
        known = [row.return_ms - row.latency_ms for row in self.rows.values()]
        known = [ms for ms in known if not math.isnan(ms)]
        return max(0.0, float(np.mean(known))) if known else 0.0

    def engine_at(self, size: Size) -> str:
        """The name of the engine that runs ``size``."""
        return f"{self.name} {size}" if self.is_static else self.name

    def spec_of(self, size: Size) -> EngineSpec:
        """The engine that runs ``size``."""
        return replace(self.spec, profiles=(Profile.fixed(size),)) if self.is_static else self.spec

    def spread(self, size: Size) -> NDArray[np.float64]:
        """Latencies of calls at ``size`` over their mean, as quantiles: those of the size that is
        nearest of what was measured."""
        nearest = int(np.abs(self._pixels - math.log(size.pixels)).argmin())
        return self._spreads[nearest]

    @cached_property
    def _pixels(self) -> NDArray[np.float64]:
        return np.log([size.pixels for size in self.rows])

    @cached_property
    def _spreads(self) -> Sequence[NDArray[np.float64]]:
        return [_spread(row) for row in self.rows.values()]


def groups_of(rows: Iterable[Row], batch: int | None = None) -> tuple[Group, ...]:
    """Groups of all rows with a latency and a memory, of the smallest batch unless it is said."""
    known = [row for row in latest(measured_of(rows)) if row.result.trial.replica == 0]
    wanted = min((row.batch_size for row in known), default=1) if batch is None else batch
    of_batch = [
        row
        for row in known
        if row.batch_size == wanted and mean_ms(row) > 0 and not math.isnan(added_mib(row))
    ]
    found = [_group(rows) for rows in grouped(of_batch, _kind).values()]
    names = Counter(group.name for group in found)
    return tuple(
        replace(group, name=f"{group.name} {group.spec.spans}") if names[group.name] > 1 else group
        for group in found
    )


def mean_ms(row: Row) -> float:
    """Milliseconds of a picture, over all calls; of the median call, where that is not known."""
    rate = row.images_per_s
    return 1000 / rate if rate > 0 else row.image_ms


def added_mib(row: Row) -> float:
    """Resident memory that an engine adds to its process, after calls at all of its sizes; on a
    GPU, what it takes there."""
    if not math.isnan(row.gpu_mib):
        return row.gpu_mib
    after = [mib for mib in (row.rest_mib, row.walk_mib) if not math.isnan(mib)]
    return max(after or [row.peak_mib]) - _before_mib(row)


def _before_mib(row: Row) -> float:
    return row.peak_mib - row.engine_memory_mib if math.isnan(row.gpu_mib) else 0.0


def _group(rows: list[Row]) -> Group:
    first = rows[0]
    spec = first.result.trial.spec
    return Group(
        name=f"{first.family} {spec.strategy}",
        spec=spec,
        rows={row.size: row for row in sorted(rows, key=lambda row: row.size.pixels)},
    )


def _kind(row: Row) -> Hashable:
    """Equal in rows that are of one group."""
    trial = row.result.trial
    spec = trial.spec
    if spec.strategy == "static":
        spec = replace(spec, profiles=())
    return (trial.model_sha256, trial.cell.options, trial.nms, trial.layout, spec)


def _spread(row: Row) -> NDArray[np.float64]:
    calls = [ns for block in row.result.blocks if block.valid for ns in block.warm_ns]
    if not calls:
        calls = [ns for block in row.result.blocks for ns in block.warm_ns]
    if not calls:
        return np.ones(1)
    places = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    found = np.quantile(np.array(calls, np.float64), places)
    return np.asarray(found / found.mean())
