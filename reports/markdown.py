"""``report.md``: what a sweep found, in sentences, tables and plots, and how to reproduce it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports import provenance
from reports.choice.deciding import chosen_rows, decide
from reports.columns import Row
from reports.explained import NONE_EXPLAINED, Explained, read_explained
from reports.findings.find import Findings, find
from reports.load import Records, read_records
from reports.method.describe import method
from reports.page.shell import why_no_page
from reports.page.whole import write_page
from reports.plots.axes import title_of
from reports.plots.saved import save
from reports.plots.sweep import draw
from reports.rows.configured import models_of
from reports.rows.enginefiles import engine_files
from reports.sections import Section, figures, layer_by_layer
from reports.tables.overview import overview_table
from reports.text.grid import plain
from reports.text.words import listed
from sizewise.core.files import output_folder, written_whole
from sizewise.core.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Report:
    """The path of a report, that of the same as one HTML page (None: ``no_page`` says why), its
    decision (what to ship, a sentence each) and its findings as plain text."""

    path: Path
    page: Path | None
    no_page: str
    decision: tuple[str, ...]
    findings: Findings


def write_report(results: Path, out: Path, models: Collection[str] = ()) -> Report:
    """Write ``report.md``, its plots and ``report.html`` into the folder ``out``, each whole or not
    at all.

    The report is of all models, or of those with the hashes ``models``. What ``sizewise explain``
    wrote of them beside ``results`` stands in it, too.

    Raises InputError, RecordError or SchemaVersionError where ``results`` can't be read or holds
    nothing, OutputError where ``out`` can't be written.
    """
    records = read_records(results, models)
    explained = read_explained(results.parent, records)
    files = engine_files(records.rows, models_of(records.runs), results.parent)
    return write_records(records, out, explained, files)


def write_records(
    records: Records,
    out: Path,
    explained: Explained = NONE_EXPLAINED,
    files: Mapping[Row, str] | None = None,
) -> Report:
    """The same of records that were read. Raises OutputError."""
    output_folder(out)  # before the plots, which take seconds
    findings = find(records)
    plots = draw(records.verdicts)
    text = compose(records, findings, plots, explained, files)
    for name, plot in plots.items():
        save(plot, out / name)
    with written_whole(out / "report.md") as draft:
        draft.write_text(printable(text), encoding="utf-8")
    page, no_page = out / "report.html", why_no_page()
    if not no_page:
        write_page(records, text, page)
    return Report(
        path=out / "report.md",
        page=None if no_page else page,
        no_page=no_page,
        decision=decide(records),
        findings=findings,
    )


def compose(
    records: Records,
    findings: Findings,
    plots: Mapping[str, Figure],
    explained: Explained = NONE_EXPLAINED,
    files: Mapping[Row, str] | None = None,
) -> str:
    """The report's text. ``files`` are the paths of engines; without, those of models."""
    networks = listed(dict.fromkeys(row.network for row in records.rows))
    title = f"# {plain(networks)} on {plain(listed(_processors(records)))}"
    shown = {name: _plot(name, figure) for name, figure in plots.items()}
    facts = models_of(records.runs)
    files = engine_files(records.rows, facts) if files is None else files
    overview = overview_table(records.verdicts, facts, files, chosen_rows(records))
    sections = (
        *figures(records.verdicts, shown, overview),
        layer_by_layer(records.rows, facts, explained),
        Section(title="Findings", parts=(_numbered(findings),)),
        *_origins(records),
    )
    return (
        "\n\n".join(filter(None, (title, _numbered(decide(records)), *map(str, sections)))) + "\n"
    )


def _processors(records: Records) -> Iterator[str]:
    """The CPU, unless all that was measured ran on GPUs, and the GPUs, if something ran on them."""
    measured = [row for row in records.rows if math.isfinite(row.latency_ms)]
    on_gpu = [row for row in measured if math.isfinite(row.gpu_mib)]
    if len(on_gpu) < len(measured) or not on_gpu:
        yield records.environment.cpu
    if on_gpu:
        # The environment has each as "name, driver version".
        yield from dict.fromkeys(one.rpartition(", ")[0] for one in records.environment.devices)


def _numbered(sentences: Iterable[str]) -> str:
    return "\n".join(f"{turn}. {plain(text)}" for turn, text in enumerate(sentences, start=1))


def _plot(name: str, figure: Figure) -> str:
    title = title_of(figure)
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
