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
from reports.columns import Row
from reports.load import Records, read_records
from reports.published.reproduced import Found
from reports.published.table import PublishedRow, PublishedTable
from reports.rows.grouping import grouped
from sizewise.core.errors import SizewiseError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.options.declared import fill
from sizewise.core.progress import Reporter
from sizewise.core.specs import ExportedModel, Sizes
from sizewise.pipeline.export import ExportOptions, export

KINDS = ("latency", "throughput", "memory")
_SINGLE = "single"
_CALLS_PER_S = 1000.0
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
    wanted = {
        place: row
        for place, row in enumerate(table.rows)
        if any(table.columns[name].kind in KINDS for name in row.values)
    }
    if not wanted:
        return {}
    failed = dict(_measure(wanted, measuring))
    path = measuring.out / RESULTS
    records = read_records(path) if path.exists() else None
    found: dict[tuple[int, str], Found] = {}
    rows = {place: _row_of(row, records) for place, row in wanted.items()}
    base = rows.get(table.reference)
    for place, row in wanted.items():
        for name in row.values:
            column = table.columns[name]
            if column.kind in KINDS:
                why = failed.get(place, "")
                found[place, name] = _cell(
                    column.kind, column.unit, rows[place], base, records, why
                )
    return found


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
    source = str(paths["fp32"]) if paths["fp32"].exists() else network
    made = export(
        source if source.endswith(".onnx") else network,
        ExportOptions() if source.endswith(".onnx") else options,
        PrecisionOptions(precision=precisions),
        out=folder,
        reporter=measuring.reporter,
    )
    return [one.model for one in made]


def _settings(rows: Sequence[PublishedRow], measuring: Measuring) -> Iterator[SweepSettings]:
    """One for each batch and precision: the sizes that go together differ."""
    groups = grouped(rows, lambda row: (row.batch, row.precision))
    for (batch, precision), own in groups.items():
        sizes = Sizes(tuple(dict.fromkeys(row.size for row in own if row.size)))
        given = {
            "sizes": sizes,
            "batch": str(batch),
            "precision": precision,
            "backends": measuring.backend,
            "strategies": "static",
        }
        yield fill(SweepSettings, given | measuring.settings)


def _row_of(row: PublishedRow, records: Records | None) -> Row | None:
    if records is None:
        return None
    fitting = (
        one
        for one in records.rows
        if (one.network, one.size, one.batch_size) == (row.network, row.size, row.batch)
        and one.fusion == (row.fusion or one.fusion)
        and one.result.trial.cell.precision == row.precision
    )
    return next(fitting, None)


def _cell(
    kind: str, unit: str, row: Row | None, base: Row | None, records: Records | None, why: str
) -> Found:
    if row is None or records is None:
        return Found(why=why or "it was not measured")
    if not row.measured:
        return Found(why=why or row.reason or row.status)
    if kind == "memory":
        memory = row.peak_mib if math.isnan(row.gpu_mib) else row.gpu_mib
        return Found(value=memory / (_GB if unit == "GB" else _MB))
    value = row.latency_ms if kind == "latency" else row.batch_size * _CALLS_PER_S / row.latency_ms
    if base is None or not base.measured:
        return Found(value=value)
    return _with_ratio(kind, value, row, base, records)


def _with_ratio(kind: str, value: float, row: Row, base: Row, records: Records) -> Found:
    """Latency of a call over the reference's, or images a second over its."""
    if row is base:
        return Found(value=value, ratio=1.0)
    ratio = records.verdicts.ratios.of(row, base)  # of an image
    if kind == "throughput":
        ratio = ratio.inverse()
        return Found(value=value, ratio=ratio.ratio, low=ratio.low, high=ratio.high)
    calls = row.batch_size / base.batch_size
    ends = (None if end is None else end * calls for end in (ratio.low, ratio.high))
    low, high = ends
    return Found(value=value, ratio=ratio.ratio * calls, low=low, high=high)
