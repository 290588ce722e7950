"""What stands under each heading of the report's figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reports.analysis.fusions import FusionModes, compare_modes
from reports.analysis.pairs import Pair, find_pairs
from reports.columns import Row
from reports.tables import by_size, calls, lists
from reports.tables.fusion import fusion_table
from reports.text.grid import plain
from reports.text.words import percent
from sizewise.core.stats import CONFIDENCE, PRACTICAL
from sizewise.core.trials import RECORDED_METRICS

UNRELIABLE = "Unreliable rows"
"""The heading that notes refer to."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands under it; empty parts are left out, and so is an empty section."""

    title: str
    parts: tuple[str, ...]
    note: str = ""

    def __str__(self) -> str:
        filled = [part for part in self.parts if part]
        return "\n\n".join([f"## {self.title}", *filled, self.note]).strip() if filled else ""


def figures(rows: Sequence[Row], shown: Mapping[str, str]) -> Iterable[Section]:
    """What was measured, plot by plot and table by table; ``shown`` are the plots."""
    pairs = find_pairs(rows)
    legend = "" if all(row.reliable for row in rows) else f"† unreliable: see “{UNRELIABLE}”."
    yield Section(
        title="Latency",
        parts=(shown.get("latency.png", ""), by_size.latency_table(rows)),
        note=f"Median of one call (a whole batch) with its {percent(CONFIDENCE)} interval; "
        f"bold: the lowest median of a size. {legend}",
    )
    yield Section(
        title="One dynamic engine or one per size",
        parts=(
            shown.get("dynamic.png", ""),
            by_size.ratio_table(pairs),
            lists.mean_table(pairs),
        ),
        note="Latency divided by that of the static engine of the size. Bold: significant, the "
        f"whole interval lies more than {percent(PRACTICAL)} from 1. {legend}{_apart(pairs)}",
    )
    yield from _calls(rows)
    accuracies = [shown[name] for name in shown if name.startswith("accuracy")]
    scores = [by_size.accuracy_table(rows, metric) for metric in RECORDED_METRICS]
    yield Section(title="Accuracy", parts=(*accuracies, *scores), note="Bold: the best.")
    modes = compare_modes(rows)
    yield Section(
        title="Fusion modes",
        parts=(shown.get("fusions.png", ""), *map(fusion_table, modes)),
        note=_of_modes(modes, legend),
    )
    yield _memory(rows)
    yield Section(
        title="Builds",
        parts=(lists.build_table(rows),),
        note="A static engine serves one size. Its row has the time and size of all its engines.",
    )
    yield Section(title="Not measured", parts=(lists.refusal_table(rows),))
    yield Section(title=UNRELIABLE, parts=(lists.warning_table(rows),))


def _calls(rows: Sequence[Row]) -> Iterable[Section]:
    yield Section(
        title="Cold start",
        parts=(calls.cold_start_table(rows), calls.change_failures(rows)),
        note=calls.COLD_START_NOTE,
    )
    yield Section(title="Parts of a call", parts=(calls.part_table(rows),), note=calls.PART_NOTE)


def _memory(rows: Sequence[Row]) -> Section:
    on_gpu = by_size.gpu_memory_table(rows)
    note = (
        "Peak resident memory of a process that holds one engine. In brackets: how much of it came "
        "with opening and running the engine."
    )
    gpu_note = (
        " GPU memory came with opening and running the engine, as the driver reports it for the "
        "process, CUDA's own included. In brackets: what the engine says it needs for weights, "
        "activations and scratch."
    )
    return Section(
        title="Memory",
        parts=(by_size.memory_table(rows), on_gpu),
        note=note + gpu_note if on_gpu else note,
    )


def _apart(pairs: Sequence[Pair]) -> str:
    count = sum(not pair.ratio.paired for pair in pairs)
    if not count:
        return ""
    return f" {count} of {len(pairs)} pairs were measured apart in time; they carry † too."


def _of_modes(modes: Sequence[FusionModes], legend: str) -> str:
    if not modes:
        return ""
    reference = plain(modes[0].reference)
    return (
        f"Networks that differ in how they merge their scales. ÷ {reference}: latency divided by "
        f"that of {reference} in the same engine, with the interval of the ratio. Bold: the best "
        "of a column. An accuracy is that of one trained network, and a range where engines "
        f"differ. Another training would give another, so small differences say little. {legend}"
    )
