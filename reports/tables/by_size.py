"""The records as Markdown tables. Each function gives one table, or nothing where it is empty."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd

from reports.analysis.builds import build_totals
from reports.analysis.pairs import Mean, Pair, best_of, geometric_mean
from reports.load import ERRORS, METRICS
from reports.text.grid import grid, plain
from reports.text.words import listed, measured, number, without_folders
from sizewise.core.stats import Ratio

COLUMNS = 6
"""Sizes side by side in one table; more of them go into the next."""
DOUBTED = " †"
NONE = "–"

Cell = Callable[[pd.Series], str]


def by_size(frame: pd.DataFrame, title: str, cell: Cell) -> str:
    """Engines down, sizes across, in pages of ``COLUMNS`` sizes; nothing of an empty frame."""
    if frame.empty:
        return ""
    sizes = list(frame.sort_values("pixels", kind="stable")["size"].unique())
    texts = {(row["engine"], row["size"]): cell(row) for _, row in frame.iterrows()}
    pages = [sizes[start : start + COLUMNS] for start in range(0, len(sizes), COLUMNS)]
    return "\n\n".join(
        grid(
            [title, *page],
            [
                [plain(engine), *(texts.get((engine, size), NONE) for size in page)]
                for engine in frame["engine"].unique()
            ],
        )
        for page in pages
    )


def latency_table(frame: pd.DataFrame) -> str:
    """Median milliseconds per call, with interval; the fastest engine of each size is bold."""
    fastest = frame.groupby("size")["median_ms"].transform("min")

    def cell(row: pd.Series) -> str:
        if pd.isna(row["median_ms"]):
            return str(row["status"])
        text = measured(row["median_ms"], row["low_ms"], row["high_ms"])
        mark = DOUBTED if row["doubts"] else ""
        return f"**{text}**{mark}" if row["median_ms"] == row["fastest"] else text + mark

    return by_size(frame.assign(fastest=fastest), "latency (ms), H×W", cell)


def accuracy_table(frame: pd.DataFrame, metric: str) -> str:
    """One of ``METRICS`` (0–1) of every engine at every size; the best is bold."""
    scored = frame[frame[metric].notna()]
    best = f"{best_score(scored[metric], metric):.3f}"

    def cell(row: pd.Series) -> str:
        text = f"{row[metric]:.3f}"
        return f"**{text}**" if text == best else text

    return by_size(scored, f"{METRICS[metric]} (0–1), H×W", cell)


def best_score(values: pd.Series[float], metric: str) -> float:
    """NaN of none."""
    return float(values.min() if metric in ERRORS else values.max())


def memory_table(frame: pd.DataFrame) -> str:
    """Peak resident MiB of a child that holds one engine, and what the engine added to it."""
    known = frame[frame["peak_mib"].notna()]

    def cell(row: pd.Series) -> str:
        return f"{row['peak_mib']:.0f} (+{row['above_mib']:.0f})"

    return by_size(known, "peak memory (MiB), H×W", cell)


def device_table(frame: pd.DataFrame) -> str:
    """MiB of GPU memory of that child, and what the engine was predicted to need."""
    known = frame[frame[["device_mib", "predicted_mib"]].notna().any(axis=1)]

    def cell(row: pd.Series) -> str:
        return f"{number(row['device_mib'])} ({number(row['predicted_mib'])})"

    return by_size(known, "GPU memory: measured (predicted) (MiB), H×W", cell)


def ratio_table(pairs: Sequence[Pair]) -> str:
    """Latency of one engine for many sizes over that of the engine made for the size; bold where
    the difference is decided.
    """

    def cell(row: pd.Series) -> str:
        text = ratio_text(row["ratio"])
        decided = row["ratio"].verdict in ("faster", "slower")
        return (f"**{text}**" if decided else text) + ("" if row["trusted"] else DOUBTED)

    return by_size(pd.DataFrame(map(vars, pairs)), "latency ratio, H×W", cell)


def mean_table(pairs: Sequence[Pair]) -> str:
    """The same over the trusted sizes of an engine (all where none is): geometric means."""
    engines: dict[str, list[Pair]] = {}
    for pair in pairs:
        engines.setdefault(pair.engine, []).append(pair)
    rows = [
        [
            plain(engine),
            f"{len(best_of(group))} of {len(group)}",
            ratio_text(geometric_mean(best_of(group))),
        ]
        for engine, group in engines.items()
    ]
    headers = ["engine", "sizes", "geometric mean of the ratio"]
    return grid(headers, rows) if rows else ""


def ratio_text(value: Ratio | Mean) -> str:
    low, high = (math.nan if end is None else end for end in (value.low, value.high))
    return measured(value.ratio, low, high, places=3)


def build_table(frame: pd.DataFrame) -> str:
    """Seconds and bytes of all engines of a name, and what their layers run in."""
    headers = ["engine", "precision achieved", "engines", "build (s, all)", "on disk (MiB, all)"]
    rows = [
        [
            plain(row["engine"]),
            plain(row["achieved"]),
            str(row["engines"]),
            number(row["build_s"]),
            number(row["engine_mib"]),
        ]
        for _, row in build_totals(frame).iterrows()
    ]
    return grid(headers, rows, texts=2) if rows else ""


def refusal_table(frame: pd.DataFrame) -> str:
    """Rows without figures, those of one engine and one reason together."""
    refused = frame[frame["status"] != "ok"]
    by = ["engine", "status", "reason_code", "reason"]
    rows = []
    for _, group in refused.groupby(by, sort=False):
        engine, status, code, reason = group[by].iloc[0]
        sentence = plain(without_folders(reason))
        rows.append([plain(engine), listed(group["size"]), status, plain(code), sentence])
    return (
        grid(["engine", "sizes (H×W)", "status", "code", "reason"], rows, texts=5) if rows else ""
    )


def doubt_table(frame: pd.DataFrame) -> str:
    """Rows whose figures are not to be trusted, with every reason."""
    doubted = frame[frame["doubts"].map(len) > 0]
    rows = [
        [
            plain(row["engine"]),
            row["size"],
            plain("; ".join(row["doubts"])),
            measured(row["median_ms"], row["low_ms"], row["high_ms"]),
        ]
        for _, row in doubted.iterrows()
    ]
    return grid(["engine", "size (H×W)", "why", "latency (ms)"], rows, texts=3) if rows else ""
