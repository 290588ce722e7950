"""What one dynamic engine costs against an engine per resolution: latency, builds, bytes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports.analysis.builds import build_totals
from reports.analysis.pairs import Mean, Pair, best_of, by_backend, find_pairs, geometric_mean
from reports.findings.phrases import change, price
from reports.load import Records
from reports.text.words import counted, listed, number


def what_dynamic_costs(records: Records) -> str:
    """One sentence over all back ends that were measured with both."""
    groups = by_backend(find_pairs(records))
    if not groups:
        return (
            "What the dynamic engine costs can't be said: no back end was measured with both a "
            "dynamic and a per-resolution engine at one size."
        )
    costs = [_cost(records.frame, backend, pairs) for backend, pairs in groups.items()]
    return f"Against per-resolution engines, the dynamic engine costs {listed(costs)}."


def _cost(frame: pd.DataFrame, backend: str, pairs: Sequence[Pair]) -> str:
    used = best_of(pairs)
    mean = geometric_mean(used)
    details = [*_interval(mean), *_basis(used, len(pairs))]
    builds = _builds(frame, pairs)
    return f"{price(mean)} in {backend} ({', '.join(details)}{builds})"


def _interval(mean: Mean) -> list[str]:
    if mean.low is None or mean.high is None:
        return ["one process is no ground for an interval"]
    ends = f"{change(mean.low)} to {change(mean.high)}"
    told_before = mean.low > 1 or mean.high < 1
    return [ends] if told_before else [change(mean.ratio), ends]


def _basis(used: Sequence[Pair], count: int) -> list[str]:
    noun = "sizes" if len({pair.size for pair in used}) == len(used) else "pairs"
    one = len(used) == 1
    basis = f"at {used[0].size}" if one else f"geometric mean over {len(used)} {noun}"
    if len(used) < count:
        return [basis, f"{count - len(used)} doubtful left out"]
    return [basis] if used[0].trusted else [basis, "not to be trusted"]


def _builds(frame: pd.DataFrame, pairs: Sequence[Pair]) -> str:
    """Of the dynamic engines and of those they stand in for; nothing where one is not known."""
    wanted = {(p.engine, p.size) for p in pairs} | {(p.static_engine, p.size) for p in pairs}
    rows = frame[[key in wanted for key in zip(frame["engine"], frame["size"], strict=True)]]
    if rows["build_s"].isna().any():
        return ""
    totals = build_totals(rows)
    static = totals["strategy"] == "static"
    count, ours = _sum(totals[~static])
    stand_ins, theirs = _sum(totals[static])
    return f"; {counted(count, 'build')} in {ours} instead of {stand_ins} in {theirs}"


def _sum(totals: pd.DataFrame) -> tuple[int, str]:
    seconds, mib = number(totals["build_s"].sum()), number(totals["engine_mib"].sum())
    return int(totals["engines"].sum()), f"{seconds} s and {mib} MiB"
