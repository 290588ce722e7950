"""What stands under each heading of the report's figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reports.analysis.fusions import FusionModes, compare_modes
from reports.analysis.pairs import by_engine
from reports.analysis.verdicts import Verdicts
from reports.columns import Row
from reports.explained import Explained
from reports.findings.reliance import what_to_rely_on
from reports.rows.configured import ModelFacts
from reports.tables import by_size, calls, layers, lists, memory, tails, ways
from reports.tables.classes import class_table
from reports.tables.fusion import fusion_table
from reports.tables.overview import NOTE as OVERVIEW_NOTE
from reports.text.grid import plain
from reports.text.verdicts import ONE_PROCESS, margin
from reports.text.words import percent
from sizewise.core.stats import CONFIDENCE
from sizewise.core.trials import METRICS
from sizewise.core.trials.disturbances import CROWDED

DISTURBED = "What is unreliable"
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


def figures(verdicts: Verdicts, shown: Mapping[str, str], overview: str = "") -> Iterable[Section]:
    """What was measured, plot by plot and table by table; ``shown`` are the plots."""
    rows = verdicts.rows
    legend = f" † disturbed: see “{DISTURBED}”." if any(row.disturbed for row in rows) else ""
    yield Section(title="Overview", parts=(overview,), note=f"{OVERVIEW_NOTE}{legend}")
    yield from _speed(verdicts, shown, legend)
    yield _accuracy(verdicts, shown)
    yield _memory(rows, shown)
    yield Section(
        title="Builds",
        parts=(lists.build_table(rows), shown.get("builds.png", "")),
        note="A static engine serves one size. Its row has the time and size of all its engines; "
        "of an engine that was built several times, the median.",
    )
    yield _unreliable(rows, shown)
    yield Section(title="Not measured", parts=(lists.refusal_table(rows),))
    yield _dynamic(verdicts, shown)
    yield from _calls(verdicts)
    modes = compare_modes(rows)
    yield Section(
        title="Fusion modes",
        parts=(shown.get("fusions.png", ""), *(fusion_table(one, verdicts) for one in modes)),
        note=_of_modes(modes, verdicts, legend),
    )


def _speed(verdicts: Verdicts, shown: Mapping[str, str], legend: str) -> Iterable[Section]:
    rows = verdicts.rows
    yield Section(
        title="Speed",
        parts=(shown.get("latency.png", ""), by_size.latency_table(verdicts)),
        note=f"Median of one warm call (a whole batch) with its {percent(CONFIDENCE)} interval, "
        "which holds during this sweep. Bold: the fastest of a size, and what is not shown to be "
        f"slower; none where that is all.{legend}{ways.bare_note(rows)}",
    )
    yield Section(
        title="Tails and throughput",
        parts=(tails.tail_table(rows), shown.get("ecdf.png", "")),
        note=tails.note(rows),
    )


def _accuracy(verdicts: Verdicts, shown: Mapping[str, str]) -> Section:
    rows = verdicts.rows
    accuracies = [shown[name] for name in shown if name.startswith("accuracy")]
    scores = [by_size.accuracy_table(rows, metric) for metric in METRICS]
    return Section(
        title="Accuracy",
        parts=(
            *accuracies,
            *scores,
            shown.get("losses.png", ""),
            class_table(rows),
            lists.unscored_table(rows),
        ),
        note=_of_accuracies(rows),
    )


def _unreliable(rows: Sequence[Row], shown: Mapping[str, str]) -> Section:
    table = lists.disturbed_table(rows)
    return Section(
        title=DISTURBED,
        parts=(plain(what_to_rely_on(rows)), table, shown.get("machine.png", "")),
        note=_of_disturbed() if table else "",
    )


def layer_by_layer(
    rows: Sequence[Row], facts: Mapping[str, ModelFacts], explained: Explained
) -> Section:
    """What stays out of a precision, and what ``sizewise explain`` found beside the results."""
    return Section(
        title="Layers",
        parts=(
            layers.kept_table(rows, facts),
            *map(layers.layer_table, explained.records),
            layers.left_out(explained.left_out),
        ),
        note=layers.NOTE if explained.records else "",
    )


def _dynamic(verdicts: Verdicts, shown: Mapping[str, str]) -> Section:
    return Section(
        title="One dynamic engine or one per size",
        parts=(
            shown.get("dynamic.png", ""),
            by_size.ratio_table(verdicts),
            lists.mean_table(verdicts),
        ),
        note="Latency divided by that of the static engine of the size. " + _of_ratios(verdicts),
    )


def _of_ratios(verdicts: Verdicts) -> str:
    """What the signs mean that there are."""
    judged = [
        *(pair.judged for pair in verdicts.pairs),
        *map(verdicts.mean, by_engine(verdicts.pairs).values()),
    ]
    said = {one.verdict for one in judged}
    alone = [one.ratio.waves == 1 for one in judged if one.verdict is None]
    signs = {
        "Bold: certainly different.": bool(said & {"FASTER", "SLOWER"}),
        f"=: the same within {margin(verdicts.rigor)}.": "SAME" in said,
        "Without a sign: not decided.": "UNCLEAR" in said,
        f"†: disturbed, see “{DISTURBED}”.": any(one.ratio.disturbed for one in judged),
        "apart: not measured together, so not compared.": not all(alone),
        f"{ONE_PROCESS}: too few for a verdict.": any(alone),
    }
    return " ".join(sentence for sentence, there in signs.items() if there)


def _calls(verdicts: Verdicts) -> Iterable[Section]:
    rows = verdicts.rows
    yield Section(
        title="Cold start",
        parts=(calls.cold_start_table(rows), calls.change_failures(rows)),
        note=calls.COLD_START_NOTE,
    )
    yield Section(
        title="From picture to objects",
        parts=(ways.way_table(rows), ways.ratio_table(verdicts.ways)),
        note=ways.note(rows, verdicts.ways),
    )
    yield Section(title="Parts of a call", parts=(calls.part_table(rows),), note=calls.PART_NOTE)


def _of_accuracies(rows: Sequence[Row]) -> str:
    bold = "Bold: the best, and what ties with it; none where that is all."
    if all(math.isnan(row.accuracy_low) for row in rows):
        return bold
    return (
        f"{bold} In brackets the {percent(CONFIDENCE)} interval, by bootstrap over images. Two "
        "engines are compared over the same images, so their difference is known better than that."
    )


def _memory(rows: Sequence[Row], shown: Mapping[str, str]) -> Section:
    on_gpu, all_sizes = memory.gpu_memory_table(rows), memory.all_sizes_table(rows)
    notes = (
        memory.NOTE,
        memory.ALL_SIZES_NOTE if all_sizes else "",
        memory.GPU_NOTE if on_gpu else "",
    )
    return Section(
        title="Memory",
        parts=(memory.memory_table(rows), all_sizes, on_gpu, shown.get("memory.png", "")),
        note="".join(notes),
    )


def _of_disturbed() -> str:
    return (
        "Their milliseconds may not be those of this machine alone. Their ratios to engines that "
        "were measured by turns with them may hold all the same: each is judged by its own "
        f"interval, but where others took {percent(CROWDED)} of the cores or more. A wide interval "
        "is no disturbance."
    )


def _of_modes(modes: Sequence[FusionModes], verdicts: Verdicts, legend: str) -> str:
    if not modes:
        return ""
    reference = plain(modes[0].reference)
    return (
        f"Networks that differ in how they merge their scales. ÷ {reference}: latency divided by "
        f"that of {reference} in the same engine, with the interval of the ratio; bold: certainly "
        f"different, =: the same within {margin(verdicts.rigor)}. Elsewhere bold is the best of a "
        "column, and what ties with it. An accuracy is that of one trained network, and a range "
        "where engines differ. Another training would give another, so small differences say "
        f"little.{legend}"
    )
