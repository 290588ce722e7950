"""What one dynamic engine costs against an engine per resolution: latency, builds, bytes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports.builds import build_totals
from reports.load import Records
from reports.pairs import Mean, Pair, best_of, by_backend, find_pairs, geometric_mean
from reports.phrases import change
from reports.words import counted, number
from sizewise.stats import PRACTICAL


def what_dynamic_costs(records: Records) -> str:
    """One sentence over all back ends that were measured with both."""
    costs = [
        f"{backend} {_latency(pairs)}{_builds(records.frame, pairs)}"
        for backend, pairs in by_backend(find_pairs(records)).items()
    ]
    if not costs:
        return (
            "What the dynamic engine costs can't be said: no back end was measured with both a "
            "dynamic and a per-resolution engine at one size."
        )
    return f"Against per-resolution engines, the dynamic engine costs: {'; '.join(costs)}."


def _latency(pairs: Sequence[Pair]) -> str:
    used = best_of(pairs)
    sizes = {pair.size for pair in used}
    noun = "size" if len(sizes) == len(used) else "pair"
    basis = f"geometric mean over {len(used)} {noun}s" if len(used) > 1 else f"at {used[0].size}"
    if len(used) < len(pairs):
        basis += f", {len(pairs) - len(used)} doubtful left out"
    elif not used[0].trusted:
        basis += ", none of them to be trusted"
    return _slowdown(geometric_mean(used), basis)


def _slowdown(mean: Mean, basis: str) -> str:
    if mean.low is None or mean.high is None:
        return f"{change(mean.ratio)} latency ({basis}; one process is no ground for an interval)"
    within = f"{change(mean.ratio)}, {change(mean.low)} to {change(mean.high)}, {basis}"
    if mean.low > 1 or mean.high < 1:
        return f"{change(mean.ratio)} latency ({change(mean.low)} to {change(mean.high)}, {basis})"
    small = mean.high - 1 < PRACTICAL and 1 - mean.low < PRACTICAL
    return f"{'no' if small else 'no certain'} latency ({within})"


def _builds(frame: pd.DataFrame, pairs: Sequence[Pair]) -> str:
    """Of the dynamic engines and of those they stand in for; nothing where one is not known."""
    wanted = {(p.engine, p.size) for p in pairs} | {(p.static_engine, p.size) for p in pairs}
    rows = frame[[key in wanted for key in zip(frame["engine"], frame["size"], strict=True)]]
    if rows["build_s"].isna().any():
        return ""
    totals = build_totals(rows)
    static = totals["strategy"] == "static"
    one, many = int(totals["engines"][~static].sum()), int(totals["engines"][static].sum())
    ours, theirs = _sum(totals[~static]), _sum(totals[static])
    return f", {counted(one, 'build')} ({ours}) instead of {many} ({theirs})"


def _sum(totals: pd.DataFrame) -> str:
    seconds, mib = number(totals["build_s"].sum()), number(totals["engine_mib"].sum())
    return f"{seconds} s, {mib} MiB"
