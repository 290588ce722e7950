"""How the findings speak of a row."""

from __future__ import annotations

import math

import pandas as pd

from reports.analysis.pairs import Mean
from reports.text.words import measured, number
from sizewise.core.stats import PRACTICAL


def where(row: pd.Series) -> str:
    return f"{row['engine']} at {row['size']}"


def latency(row: pd.Series) -> str:
    """``12.3 ms (12.2–12.4)``, and of how many images where it is not one."""
    batch = f" for a batch of {row['batch']}" if row["batch"] > 1 else ""
    if math.isnan(row["low_ms"]):
        return f"{number(row['median_ms'])} ms{batch}"
    value, _, interval = measured(row["median_ms"], row["low_ms"], row["high_ms"]).partition(" ")
    return f"{value} ms {interval}{batch}"


def caveat(row: pd.Series) -> str:
    why = "; ".join(row["doubts"])
    return f", though that latency is not to be trusted ({why})" if why else ""


def change(ratio: float) -> str:
    """A ratio as a signed difference: ``+4.2%``, never ``−0.0%``."""
    percent = round(100 * (ratio - 1), 1) or 0.0
    return f"{percent:+.1f}%".replace("-", "−")


def price(mean: Mean) -> str:
    """What a ratio of latencies comes to: ``+4.2% latency``, or no (certain) latency where the
    interval holds 1.
    """
    if mean.low is None or mean.high is None or mean.low > 1 or mean.high < 1:
        return f"{change(mean.ratio)} latency"
    small = mean.high - 1 < PRACTICAL and 1 - mean.low < PRACTICAL
    return f"{'no' if small else 'no certain'} latency"
