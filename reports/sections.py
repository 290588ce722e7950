"""What stands under each heading of the report's figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from reports.analysis.fusions import Comparison, compare_modes
from reports.analysis.pairs import Pair, find_pairs
from reports.load import METRICS, Records
from reports.tables import by_size as tables
from reports.tables import calls as call_tables
from reports.tables.fusion import fusion_table
from reports.text.grid import plain
from sizewise.core.stats import CONFIDENCE, PRACTICAL


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands under it; empty parts are left out, and so is an empty section."""

    title: str
    parts: tuple[str, ...]
    note: str = ""

    def __str__(self) -> str:
        filled = [part for part in self.parts if part]
        return "\n\n".join([f"## {self.title}", *filled, self.note]).strip() if filled else ""


def figures(records: Records, shown: Mapping[str, str]) -> Iterable[Section]:
    """What was measured, picture by picture and table by table; ``shown`` are the pictures."""
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
    yield from _calls(frame)
    accuracies = [shown[name] for name in shown if name.startswith("accuracy")]
    scores = [tables.accuracy_table(frame, metric) for metric in METRICS]
    yield Section(title="Accuracy", parts=(*accuracies, *scores), note="Bold: the best.")
    modes = compare_modes(records)
    yield Section(
        title="Fusion modes",
        parts=(shown.get("fusions.png", ""), *(fusion_table(records, c) for c in modes)),
        note=_of_modes(modes, doubts),
    )
    yield _memory(frame)
    yield Section(
        title="Builds",
        parts=(tables.build_table(frame),),
        note="A static engine serves one size, so seconds and bytes are those of all its sizes.",
    )
    yield Section(title="Without a figure", parts=(tables.refusal_table(frame),))
    yield Section(title="Not to be trusted", parts=(tables.doubt_table(frame),))


def _calls(frame: pd.DataFrame) -> Iterable[Section]:
    yield Section(
        title="First calls",
        parts=(
            call_tables.first_table(frame),
            call_tables.change_failures(frame),
        ),
        note=call_tables.FIRST_NOTE,
    )
    yield Section(
        title="Parts of a call",
        parts=(call_tables.part_table(frame),),
        note=call_tables.PART_NOTE,
    )


def _memory(frame: pd.DataFrame) -> Section:
    on_device = tables.device_table(frame)
    note = (
        "Peak resident memory of a process that holds one engine and, in brackets, how much of it "
        "came with opening and running the engine."
    )
    device_note = (
        " GPU memory is what came with opening and running the engine, as the driver reports it "
        "for the process, CUDA's own included; in brackets what the engine says that it needs for "
        "weights, activations and scratch."
    )
    return Section(
        title="Memory",
        parts=(tables.memory_table(frame), on_device),
        note=note + device_note if on_device else note,
    )


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
