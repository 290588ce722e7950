"""What one dynamic engine costs against an engine per resolution: latency, builds, bytes."""

from __future__ import annotations

from collections.abc import Sequence

from reports.analysis.builds import BuildTotal, build_totals
from reports.analysis.pairs import Mean, Pair, best_mean, best_of, by_backend, find_pairs
from reports.columns import COLUMNS, Row
from reports.findings.phrases import CI, change, price
from reports.text.words import counted


def what_dynamic_costs(rows: Sequence[Row]) -> str:
    """A sentence for each back end that was measured with both."""
    groups = by_backend(find_pairs(rows))
    if not groups:
        return (
            "No comparison of dynamic with static engines: no back end was measured with both at "
            "one size."
        )
    costs = [_cost(backend, pairs) for backend, pairs in groups.items()]
    return f"One dynamic engine instead of one static engine per size. {' '.join(costs)}"


def _cost(backend: str, pairs: Sequence[Pair]) -> str:
    mean = best_mean(pairs)
    details = [*_interval(mean), *_basis(pairs)]
    return f"In {backend}: {price(mean)} ({', '.join(details)}){_builds(pairs)}."


def _interval(mean: Mean) -> list[str]:
    if mean.low is None or mean.high is None:
        return ["no CI from one process"]
    ends = f"{CI}{change(mean.low)} to {change(mean.high)}"
    in_the_price = mean.low > 1 or mean.high < 1
    return [ends] if in_the_price else [change(mean.ratio), ends]


def _basis(pairs: Sequence[Pair]) -> list[str]:
    used = best_of(pairs)
    noun = "size" if len({pair.row.size for pair in used}) == len(used) else "pair"
    one = len(used) == 1
    basis = (
        f"at {used[0].row.text('size')}" if one else f"geometric mean of {counted(len(used), noun)}"
    )
    if len(used) < len(pairs):
        return [basis, f"{len(pairs) - len(used)} unreliable left out"]
    return [basis] if used[0].reliable else [basis, "unreliable"]


def _builds(pairs: Sequence[Pair]) -> str:
    """The builds of the dynamic engines and of the static ones that they replace, in words.

    Empty where one of them is not known.
    """
    rows = list(dict.fromkeys(row for pair in pairs for row in (pair.row, pair.static)))
    if any(row.result.build is None for row in rows):
        return ""
    totals = build_totals(rows)
    ours, theirs = (
        [total for total in totals if (total.strategy == "static") == is_static]
        for is_static in (False, True)
    )
    count = counted(sum(total.engines for total in ours), "build")
    instead = sum(total.engines for total in theirs)
    return f"; {count} in {_sum(ours)} instead of {instead} in {_sum(theirs)}"


def _sum(totals: Sequence[BuildTotal]) -> str:
    seconds = COLUMNS["build_s"].text(sum(total.build_s for total in totals))
    mib = COLUMNS["file_mib"].text(sum(total.file_mib for total in totals))
    return f"{seconds} s and {mib} MiB"
