"""Columns of warm calls: how long they take, and what disturbed their measurement."""

from __future__ import annotations

from dataclasses import dataclass

from reports.columns.declaring import count, figure, milliseconds, several
from reports.text.words import plus_minus


@dataclass(frozen=True, kw_only=True, eq=False)
class LatencyColumns:
    """Figures of warm calls; their 95 % intervals hold for the time of the sweep."""

    latency_ms: float = milliseconds(
        "Median latency of one call, which is a whole batch.", title="latency"
    )
    latency_low_ms: float = milliseconds("Lower end of the 95 % interval of latency_ms.")
    latency_high_ms: float = milliseconds("Upper end of the 95 % interval of latency_ms.")
    latency_width: float = figure(
        "Half the width of that interval, as a share of latency_ms.",
        title="half-width",
        form=plus_minus,
    )
    latency_p90_ms: float = milliseconds(
        "Latency that 90 % of the calls stay below; NaN where there are fewer than 64 calls.",
        title="p90",
    )
    latency_p90_low_ms: float = milliseconds("Lower end of its 95 % interval.")
    latency_p90_high_ms: float = milliseconds("Upper end of its 95 % interval.")
    latency_p99_ms: float = milliseconds(
        "Latency that 99 % of the calls stay below; NaN where there are fewer than 662 calls.",
        title="p99",
    )
    latency_p99_low_ms: float = milliseconds("Lower end of its 95 % interval.")
    latency_p99_high_ms: float = milliseconds("Upper end of its 95 % interval.")
    image_ms: float = milliseconds(
        "Latency per image: latency_ms divided by batch_size.", title="latency per image"
    )
    images_per_s: float = figure(
        "Images in a second that calls without a pause sustain.",
        title="sustained rate",
        unit="images/s",
    )
    images_low_per_s: float = figure("Lower end of its 95 % interval.", unit="images/s")
    images_high_per_s: float = figure("Upper end of its 95 % interval.", unit="images/s")
    cpu_ms: float = milliseconds("CPU time of the engine's process in one call.")
    background_load: float = figure(
        "Share of all CPU cores that other programs took meanwhile, 0–1."
    )
    processes: int = count("Processes that the figures are made of.")
    left_out: int = count(
        "Processes whose warm calls stand in no figure: disturbed ones, beside enough others."
    )
    calls: int = count("Warm calls that the figures are made of.")
    cold_calls: int = count("Calls at the beginning of turns, which stand in no figure.")
    first_cold_ratio: float = figure(
        "The first call of a turn, divided by the median of the warm ones."
    )
    disturbances: tuple[str, ...] = several(
        "Why the milliseconds may not be the machine's own; empty where nothing disturbed them."
    )
    disturbance_codes: tuple[str, ...] = several("The same, one word each.")
