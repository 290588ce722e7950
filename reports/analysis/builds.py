"""What it took to build the engines."""

from __future__ import annotations

import pandas as pd


def build_totals(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per engine name: how many engines it stands for, and what building them all took.

    A static name stands for one engine per size; another for one engine, which every row repeats
    (the last row counts, should it have been built again).
    """
    built = frame[frame["build_s"].notna()]
    last = built["strategy"].eq("static") | ~built.duplicated("engine", keep="last")
    groups = built[last].groupby("engine", sort=False)
    totals = groups.agg(
        backend=("backend", "first"),
        family=("family", "first"),
        strategy=("strategy", "first"),
        engines=("size", "count"),
        build_s=("build_s", "sum"),
        engine_mib=("engine_mib", "sum"),
    )
    achieved = built.groupby("engine", sort=False)["achieved"].agg(lambda a: "; ".join(a.unique()))
    return totals.join(achieved, how="right").reset_index()
