"""One line for each engine, size and machine, a point for each results file."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.columns import Row
from reports.comparison.pairing import BESIDE, CELL
from reports.load import Records
from reports.rows.grouping import grouped, latest, measured_of
from sizewise.core.machine.environment import Environment
from sizewise.core.specs import Size


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A row of one results file. ``ms`` is its latency as it would be with the anchor as fast as in
    the first file of the line, ``raw_ms`` as it was."""

    file: Path
    started: str
    row: Row
    environment: Environment
    raw_ms: float
    ms: float

    @property
    def version(self) -> str:
        """That of the back end's library."""
        return self.row.backend_version


@dataclass(frozen=True, kw_only=True)
class Line:
    """The moments of one engine at one size on one machine, the earliest first. ``anchored`` says
    that an anchor ties all of them."""

    engine: str
    size: Size
    machine: str
    moments: tuple[Moment, ...]
    anchored: bool


def lines_of(files: Iterable[tuple[Path, Records]]) -> tuple[Line, ...]:
    """All lines; engines that a file holds twice are told apart by their names in it."""
    found = [moment for path, records in files for moment in _moments(path, records)]
    groups = grouped(sorted(found, key=lambda one: one.started), _key)
    return tuple(_line(group) for group in groups.values())


def _moments(path: Path, records: Records) -> Iterator[Moment]:
    started = max(run.started for run in records.runs)
    for row in latest(measured_of(records.rows)):
        yield Moment(
            file=path,
            started=started,
            row=row,
            environment=records.environment,
            raw_ms=row.latency_ms,
            ms=row.latency_ms,
        )


def _key(moment: Moment) -> tuple[object, ...]:
    row = moment.row
    return moment.environment.fingerprint, *(getattr(row, name) for name in (*CELL, *BESIDE))


def _line(moments: Sequence[Moment]) -> Line:
    row, environment = moments[-1].row, moments[-1].environment
    anchors = [_anchor(moment.row) for moment in moments]
    known = [(ns, name) for ns, name in anchors if ns]
    anchored = len(known) == len(moments) and len({name for _, name in known}) == 1
    return Line(
        engine=row.engine,
        size=row.size,
        machine=f"{environment.cpu}, {environment.cores} cores",
        moments=tuple(_steadied(moments, [ns for ns, _ in known])) if anchored else tuple(moments),
        anchored=anchored,
    )


def _anchor(row: Row) -> tuple[float, str]:
    """The median of the anchor in nanoseconds, 0 without one, and its name."""
    blocks = [block for block in row.result.blocks if block.anchor_ns]
    if not blocks:
        return 0.0, ""
    return statistics.median(block.anchor_ns or 0.0 for block in blocks), blocks[0].anchor


def _steadied(moments: Sequence[Moment], anchors_ns: Sequence[float]) -> Iterator[Moment]:
    for moment, anchor_ns in zip(moments, anchors_ns, strict=True):
        yield Moment(
            file=moment.file,
            started=moment.started,
            row=moment.row,
            environment=moment.environment,
            raw_ms=moment.raw_ms,
            ms=moment.raw_ms * anchors_ns[0] / anchor_ns,
        )
