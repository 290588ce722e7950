"""The way from a picture to its objects, and engines with and without NMS inside, as tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from reports.analysis.ways import Way
from reports.columns import COLUMNS, Row
from reports.rows.calls import WAY_COLUMNS
from reports.rows.grouping import measured_of
from reports.text.disturbances import counted_codes
from reports.text.grid import grid, plain
from reports.text.verdicts import DISTURBED, LEFT_OUT, processes, ratio_cell, ratio_text
from reports.text.words import listed, measured, percent
from sizewise.core.stats import CONFIDENCE, FEW_PROCESSES

NOTE = (
    "From a decoded picture to the objects in it, in ms, of a whole batch: geometric means over "
    f"processes of their medians, the whole way with its {percent(CONFIDENCE)} interval (from "
    f"{FEW_PROCESSES} processes on). Letterbox is scaling to the input, the engine comes with "
    "copies there and back, and decoding makes objects of outputs, with NMS where the engine has "
    "none. So engines with and without NMS inside compare by the whole way only. Reading and "
    "decoding the picture's file comes before."
)
RATIO_NOTE = (
    " The ratio is of the whole way with NMS inside over that with NMS after the engine, by the "
    "processes that shared waves. Bold: certainly different; =: the same within the margin."
)

BARE_NOTE = (
    " NMS inside: the call does NMS too, and the noise that it is given may hold no candidates for "
    "it, so the figure is a lower bound. Such engines compare here with each other only."
)


def bare_note(rows: Iterable[Row]) -> str:
    """What is to be known of bare calls where engines have NMS inside; empty where none has."""
    return BARE_NOTE if any(row.nms for row in measured_of(rows)) else ""


def note(rows: Iterable[Row], ways: Sequence[Way]) -> str:
    """What the tables hold, and what their signs mean that there are."""
    codes = [code for row in measured_of(rows) for code in row.end_to_end_codes]
    marked = (
        " †: disturbed in most turns of a process (rows: "
        f"{listed(counted_codes(codes))}). The ratio may hold all the same, because both engines "
        "met the same."
    )
    left_out = any(row.end_to_end_left_out for row in measured_of(rows))
    return (
        NOTE
        + (f" {LEFT_OUT}" if left_out else "")
        + (RATIO_NOTE if ways else "")
        + (marked if codes else "")
    )


def way_table(rows: Iterable[Row]) -> str:
    """A row per engine and size: the way from a picture to its objects, and its parts."""
    shown = [row for row in rows if not math.isnan(row.end_to_end_ms)]
    *parts, whole = WAY_COLUMNS.values()
    headers = [*(COLUMNS[name].heading for name in (whole, *parts)), COLUMNS["processes"].title]
    cells = [
        [
            plain(row.engine),
            row.text("size"),
            _whole(row),
            *(row.text(name) for name in parts),
            processes(row.end_to_end_processes, row.end_to_end_left_out),
        ]
        for row in shown
    ]
    return grid(["engine", "size (H×W)", *headers], cells, texts=2) if cells else ""


def _whole(row: Row) -> str:
    ends = row.end_to_end_low_ms, row.end_to_end_high_ms
    mark = DISTURBED if row.end_to_end_codes else ""
    return measured(row.end_to_end_ms, *ends, digits=3) + mark


def ratio_table(ways: Sequence[Way]) -> str:
    """A row per engine with NMS inside and size, with its like without; empty of none."""
    cells = [
        [plain(way.inside.engine), plain(way.after.engine), way.inside.text("size"), _ratio(way)]
        for way in ways
    ]
    headers = ["NMS inside", "NMS after it", "size (H×W)", "ratio of the whole way"]
    return grid(headers, cells, texts=3) if cells else ""


def _ratio(way: Way) -> str:
    if way.judged.verdict is None:
        return f"{ratio_text(way.judged.ratio)} too few processes"
    return ratio_cell(way.judged)
