"""Cells that are measured: latency, throughput and memory, in one results file.

Networks are exported with random weights, which cost the same time. All of them go into one file,
so that the anchor ties rows of different networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.planning.settings import SweepSettings
from bench.sweep import RESULTS, sweep
from exporter.request import PrecisionOptions
from reports.analysis.ratios import per_image
from reports.columns import Row
from reports.load import Records, read_records
from reports.published.reproduced import Found
from reports.published.table import Column, PublishedRow, PublishedTable
from reports.rows.grouping import grouped
from sizewise.core.errors import SizewiseError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.options.declared import fill
from sizewise.core.progress import Reporter
from sizewise.core.specs import ExportedModel, Sizes
from sizewise.pipeline.export import ExportOptions, export

KINDS = ("latency", "throughput", "memory")
_NOT_MEASURED = "it was not measured"
_PART = "a part is no engine by itself; docs/multiscale.md has parts"
_MS_PER_S = 1000.0
_GB, _MB = 1e9 / 2**20, 1e6 / 2**20
"""MiB of the units of published memory."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """The back end of all rows, the settings of each sweep, and where everything goes."""

    backend: str
    settings: Mapping[str, object]
    out: Path
    reporter: Reporter


def timed_cells(table: PublishedTable, measuring: Measuring) -> Mapping[tuple[int, str], Found]:
    """By row number and column. What failed has its reason."""
    failed = measure(table, measuring)
    path = measuring.out / RESULTS
    return cells_of(table, failed, read_records(path) if path.exists() else None)


def measure(table: PublishedTable, measuring: Measuring) -> Mapping[int, str]:
    """Measure what is missing of the rows that take time or memory; the reasons of those that could
    not be, by row number."""
    rows = {place: table.rows[place] for place in _timed(table) if not table.rows[place].label}
    return dict(_measure(rows, measuring))


def cells_of(
    table: PublishedTable, failed: Mapping[int, str], records: Records | None
) -> Mapping[tuple[int, str], Found]:
    """The cells of ``records``, None where there are none, by row number and column. The rows that
    ``failed`` have their reason."""
    timed = _timed(table)
    failed = dict(failed) | {place: _PART for place in timed if table.rows[place].label}
    if records is None:
        return {
            (place, name): Found(why=failed.get(place, _NOT_MEASURED))
            for place in timed
            for name in table.rows[place].values
            if table.columns[name].kind in KINDS
        }
    rows = {place: table.rows[place] for place in timed}
    return dict(_Measured(table, rows, records, failed).cells())


def _timed(table: PublishedTable) -> list[int]:
    """The rows with a value that takes measuring."""
    return [
        place
        for place, row in enumerate(table.rows)
        if any(table.columns[name].kind in KINDS for name in row.values)
    ]


def _measure(rows: Mapping[int, PublishedRow], measuring: Measuring) -> Iterator[tuple[int, str]]:
    """Export and measure what is missing; the rows that could not be, with the reason."""
    groups = grouped(rows.items(), lambda item: (item[1].network, item[1].fusion))
    for (network, fusion), own in groups.items():
        if not network:
            yield from ((place, "the network is not in the zoo") for place, _ in own)
            continue
        try:
            models = _models(network, fusion, [row for _, row in own], measuring)
            for settings in _settings([row for _, row in own], measuring):
                sweep(models, settings, measuring.out, progress=measuring.reporter)
        except SizewiseError as error:
            measuring.reporter.remark(f"{network} {fusion}".strip() + f": {error}")
            yield from ((place, f"{error.what}: {error.why}") for place, _ in own)


def _models(
    network: str, fusion: str, rows: Sequence[PublishedRow], measuring: Measuring
) -> list[ExportedModel]:
    """The network in all precisions of the rows; files of an earlier call are taken."""
    precisions = tuple(dict.fromkeys(["fp32", *(row.precision for row in rows)]))
    folder = measuring.out / "models"
    stem = f"{network}-{fusion}" if fusion else network
    paths = {
        one: folder / (f"{stem}.onnx" if one == "fp32" else f"{stem}.{one}.onnx")
        for one in precisions
    }
    if all(path.exists() for path in paths.values()):
        return [read_model(path) for path in paths.values()]
    options = ExportOptions(
        fusion=(fusion,) if fusion else (),
        backbone=tuple(dict.fromkeys(row.backbone for row in rows if row.backbone)),
    )
    parent = paths["fp32"]
    source, chosen = (str(parent), ExportOptions()) if parent.exists() else (network, options)
    wanted = PrecisionOptions(precision=precisions)
    made = export(source, chosen, wanted, out=folder, reporter=measuring.reporter)
    return [one.model for one in made]


def _settings(rows: Sequence[PublishedRow], measuring: Measuring) -> Iterator[SweepSettings]:
    """One for each batch and precision: the sizes that go together differ."""
    groups = grouped(rows, lambda row: (row.batch, row.precision))
    for (batch, precision), own in groups.items():
        sizes = Sizes(tuple(dict.fromkeys(row.size for row in own if row.size)))
        given: dict[str, object] = {
            "sizes": sizes,
            "batch": str(batch),
            "precision": precision,
            "backends": measuring.backend,
            "strategies": "static",
        }
        yield fill(SweepSettings, given | dict(measuring.settings))


class _Measured:
    """The cells of rows of a table, from the records of their sweeps."""

    def __init__(
        self,
        table: PublishedTable,
        wanted: Mapping[int, PublishedRow],
        records: Records,
        failed: Mapping[int, str],
    ) -> None:
        self._table, self._failed = table, failed
        self._ratios = records.verdicts.ratios
        self._rows = {place: _row_of(row, records) for place, row in wanted.items()}
        self._base = self._rows.get(table.reference)

    def cells(self) -> Iterator[tuple[tuple[int, str], Found]]:
        """By row number and column."""
        for place, row in self._rows.items():
            for name in self._table.rows[place].values:
                column = self._table.columns[name]
                if column.kind in KINDS:
                    if row is None or not row.measured:
                        yield (place, name), Found(why=self._why(place, row))
                    else:
                        yield (place, name), self._cell(column, row)

    def _why(self, place: int, row: Row | None) -> str:
        if place in self._failed:
            return self._failed[place]
        return _NOT_MEASURED if row is None else row.reason or row.status

    def _cell(self, column: Column, row: Row) -> Found:
        if column.kind == "memory":
            memory = row.peak_mib if math.isnan(row.gpu_mib) else row.gpu_mib
            return Found(value=memory / (_GB if column.unit == "GB" else _MB))
        if column.kind == "latency":
            return self._with_ratio(row.latency_ms, row, calls=True)
        return self._with_ratio(row.batch_size * _MS_PER_S / row.latency_ms, row, calls=False)

    def _with_ratio(self, value: float, row: Row, *, calls: bool) -> Found:
        """The latency of a call over the reference's, or images a second over its."""
        base = self._base
        if base is None or not base.measured or row is base:
            return Found(value=value, ratio=1.0 if row is base else None)
        ratio = self._ratios.of(row, base)  # of an image
        ratio = per_image(ratio, row.batch_size / base.batch_size) if calls else ratio.inverse()
        return Found(value=value, ratio=ratio.ratio, low=ratio.low, high=ratio.high)


def _row_of(row: PublishedRow, records: Records) -> Row | None:
    """None for a part of a network as well: no row is of it alone."""
    if row.label:
        return None
    fitting = (
        one
        for one in records.rows
        if (one.network, one.size, one.batch_size) == (row.network, row.size, row.batch)
        and one.fusion == (row.fusion or one.fusion)
        and one.result.trial.cell.precision == row.precision
    )
    return next(fitting, None)
