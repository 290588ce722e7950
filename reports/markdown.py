"""``report.md``: what a sweep found, in sentences, tables and pictures, and how to get it again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from reports import provenance, tables
from reports.findings import Findings, find
from reports.fusion_table import fusion_table
from reports.fusions import Comparison, compare_modes
from reports.grid import plain
from reports.load import METRICS, Records, read_records
from reports.pairs import Pair, find_pairs
from reports.plots import draw
from reports.words import listed
from sizewise.files import written_whole
from sizewise.stats import CONFIDENCE, PRACTICAL

DPI = 150


@dataclass(frozen=True, kw_only=True)
class Report:
    """Where the report lies, and its sentences as plain text."""

    path: Path
    findings: Findings


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands under it; empty parts are left out, and so is an empty section."""

    title: str
    parts: tuple[str, ...]
    note: str = ""

    def __str__(self) -> str:
        filled = [part for part in self.parts if part]
        return "\n\n".join([f"## {self.title}", *filled, self.note]).strip() if filled else ""


def write_report(results: Path, out: Path, models: Collection[str] = ()) -> Report:
    """Write ``report.md`` and its pictures into the folder ``out``, whole or not at all; of the
    models with the hashes ``models``, or of all.

    Raises InputError, RecordError or SchemaVersionError where ``results`` can't be read or holds
    nothing, OutputError where ``out`` can't be written.
    """
    records = read_records(results, models)
    findings = find(records)
    pictures = draw(records)
    text = compose(records, findings, pictures)
    for name, picture in pictures.items():
        with written_whole(out / name) as draft:
            picture.savefig(draft, format="png", dpi=DPI)
    with written_whole(out / "report.md") as draft:
        draft.write_text(text, encoding="utf-8")
    return Report(path=out / "report.md", findings=findings)


def compose(records: Records, findings: Findings, pictures: Mapping[str, Figure]) -> str:
    """The report's text."""
    networks = listed(map(str, records.frame["network"].unique()))
    title = f"# {plain(networks)} on {plain(records.environment.cpu)}"
    sentences = "\n".join(f"{turn}. {plain(text)}" for turn, text in enumerate(findings, start=1))
    shown = {name: _picture(name, figure) for name, figure in pictures.items()}
    sections = (*_figures(records, shown), *_origins(records))
    return "\n\n".join(filter(None, (title, sentences, *map(str, sections)))) + "\n"


def _picture(name: str, figure: Figure) -> str:
    title = figure.axes[0].get_title(loc="left")
    return f"![{plain(title)}]({name})"


def _apart(pairs: Sequence[Pair]) -> str:
    count = sum(not pair.ratio.paired for pair in pairs)
    return f" {count} of {len(pairs)} pairs were measured apart in time: † too." if count else ""


def _of_modes(modes: Sequence[Comparison], doubts: str) -> str:
    if not modes:
        return ""
    reference = plain(modes[0].reference)
    return (
        f"Networks that differ in how they merge their scales. ÷ {reference}: latency over that of "
        f"{reference} in the same engine, with the interval of the ratio; bold: the best of a "
        "column. An accuracy is that of one trained network, and a range where engines differ; "
        f"another training would give another, so small differences say little. {doubts}"
    )


def _figures(records: Records, shown: Mapping[str, str]) -> Iterable[Section]:
    frame, pairs = records.frame, find_pairs(records)
    doubts = (
        f"{tables.DOUBTED.strip()} not to be trusted: see below." if any(frame["doubts"]) else ""
    )
    yield Section(
        title="Latency",
        parts=(shown.get("latency.png", ""), tables.latency_table(frame)),
        note=f"Median of one call (a whole batch) with its {CONFIDENCE:.0%} interval; "
        f"bold: the lowest median of a size. {doubts}",
    )
    yield Section(
        title="One dynamic engine or one per size",
        parts=(shown.get("dynamic.png", ""), tables.ratio_table(pairs), tables.mean_table(pairs)),
        note="Latency over that of the static engine of the size; bold: the whole interval lies "
        f"more than {PRACTICAL:.0%} from 1. {doubts}{_apart(pairs)}",
    )
    accuracies = [shown[name] for name in shown if name.startswith("accuracy")]
    scores = [tables.accuracy_table(frame, metric) for metric in METRICS]
    yield Section(title="Accuracy", parts=(*accuracies, *scores), note="Bold: the best.")
    modes = compare_modes(records)
    yield Section(
        title="Fusion modes",
        parts=(shown.get("fusions.png", ""), *(fusion_table(records, c) for c in modes)),
        note=_of_modes(modes, doubts),
    )
    yield Section(
        title="Memory",
        parts=(tables.memory_table(frame),),
        note="Peak resident memory of a process that holds one engine and, in brackets, how much "
        "of it came with opening and running the engine.",
    )
    yield Section(
        title="Builds",
        parts=(tables.build_table(frame),),
        note="A static engine serves one size, so seconds and bytes are those of all its sizes.",
    )
    yield Section(title="Without a figure", parts=(tables.refusal_table(frame),))
    yield Section(title="Not to be trusted", parts=(tables.doubt_table(frame),))


def _origins(records: Records) -> Iterable[Section]:
    yield Section(
        title="Environment",
        parts=(provenance.environment_table(records), provenance.left_out(records)),
    )
    yield Section(title="How it was measured", parts=(provenance.method(records),))
    yield Section(
        title="How to measure it again",
        parts=(provenance.reproduction(records.runs), provenance.model_table(records.frame)),
    )
