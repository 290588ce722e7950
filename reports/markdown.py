"""``report.md``: what a sweep found, in sentences, tables and plots, and how to reproduce it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports import provenance
from reports.explained import NONE_EXPLAINED, Explained, read_explained
from reports.findings.find import Findings, find
from reports.load import Records, read_records
from reports.method.describe import method
from reports.plots.sweep import draw
from reports.rows.configured import models_of
from reports.sections import Section, figures, layer_by_layer
from reports.text.grid import plain
from reports.text.words import listed
from sizewise.core.files import output_folder, written_whole
from sizewise.core.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150


@dataclass(frozen=True, kw_only=True)
class Report:
    """The path of a report, and its findings as plain text."""

    path: Path
    findings: Findings


def write_report(results: Path, out: Path, models: Collection[str] = ()) -> Report:
    """Write ``report.md`` and its plots into the folder ``out``, each whole or not at all.

    The report is of all models, or of those with the hashes ``models``. What ``sizewise explain``
    wrote of them beside ``results`` stands in it, too.

    Raises InputError, RecordError or SchemaVersionError where ``results`` can't be read or holds
    nothing, OutputError where ``out`` can't be written.
    """
    records = read_records(results, models)
    return write_records(records, out, read_explained(results.parent, records))


def write_records(records: Records, out: Path, explained: Explained = NONE_EXPLAINED) -> Report:
    """The same of records that were read. Raises OutputError."""
    output_folder(out)  # before the plots, which take seconds
    findings = find(records)
    plots = draw(records.verdicts)
    text = compose(records, findings, plots, explained)
    for name, plot in plots.items():
        with written_whole(out / name) as draft:
            plot.savefig(draft, format="png", dpi=DPI)
    with written_whole(out / "report.md") as draft:
        draft.write_text(printable(text), encoding="utf-8")
    return Report(path=out / "report.md", findings=findings)


def compose(
    records: Records,
    findings: Findings,
    plots: Mapping[str, Figure],
    explained: Explained = NONE_EXPLAINED,
) -> str:
    """The report's text."""
    networks = listed(dict.fromkeys(row.network for row in records.rows))
    title = f"# {plain(networks)} on {plain(records.environment.cpu)}"
    sentences = "\n".join(f"{turn}. {plain(text)}" for turn, text in enumerate(findings, start=1))
    shown = {name: _plot(name, figure) for name, figure in plots.items()}
    layers = layer_by_layer(records.rows, models_of(records.runs), explained)
    sections = (*figures(records.verdicts, shown), layers, *_origins(records))
    return "\n\n".join(filter(None, (title, sentences, *map(str, sections)))) + "\n"


def _plot(name: str, figure: Figure) -> str:
    title = figure.axes[0].get_title(loc="left")
    return f"![{plain(title)}]({name})"


def _origins(records: Records) -> Iterable[Section]:
    yield Section(
        title="Environment",
        parts=(provenance.environment_table(records), provenance.left_out(records)),
    )
    yield Section(title="How it was measured", parts=(method(records),))
    yield Section(
        title="How to reproduce",
        parts=(provenance.reproduction(records.runs), provenance.model_table(records.rows)),
    )
