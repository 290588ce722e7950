"""What one dynamic engine costs against an engine per resolution: latency, builds, bytes."""

from __future__ import annotations

from collections.abc import Sequence

from reports.analysis.builds import BuildTotal, build_totals
from reports.analysis.pairs import Pair, by_backend, tied
from reports.analysis.verdicts import Verdicts
from reports.columns import COLUMNS
from reports.text.verdicts import details, price
from reports.text.words import counted, listed


def what_dynamic_costs(verdicts: Verdicts) -> str:
    """A sentence for each back end that was measured with both."""
    groups = by_backend(verdicts.pairs)
    if not groups:
        return (
            "No comparison of dynamic with static engines: no back end was measured with both at "
            "one size."
        )
    costs = [_cost(backend, pairs, verdicts) for backend, pairs in groups.items()]
    return f"One dynamic engine instead of one static engine per size. {' '.join(costs)}"


def dynamic_in_short(verdicts: Verdicts) -> str:
    """The same in one sentence, without builds; empty where no back end was measured with both."""
    groups = by_backend(verdicts.pairs)
    if not groups:
        return ""
    costs = [
        f"{price(judged, verdicts.rigor)} ({', '.join(details(judged))}) in {backend}"
        for backend, judged in ((name, verdicts.mean(pairs)) for name, pairs in groups.items())
    ]
    return f"One dynamic engine instead of one per size: {listed(costs)}."


def _cost(backend: str, pairs: Sequence[Pair], verdicts: Verdicts) -> str:
    judged = verdicts.mean(pairs)
    said = ", ".join([*details(judged), *_basis(pairs)])
    return f"In {backend}: {price(judged, verdicts.rigor)} ({said}){_builds(pairs)}."


def _basis(pairs: Sequence[Pair]) -> list[str]:
    used = tied(pairs)
    noun = "size" if len({pair.row.size for pair in used}) == len(used) else "pair"
    one = len(used) == 1
    basis = (
        f"at {used[0].row.text('size')}" if one else f"geometric mean of {counted(len(used), noun)}"
    )
    left_out = len(pairs) - len(used)
    disturbed = sum(pair.judged.ratio.disturbed for pair in used)
    remarks = {
        basis: True,
        f"{left_out} measured apart left out": left_out,
        "disturbed" if disturbed == len(used) else f"{disturbed} disturbed": disturbed,
    }
    return [remark for remark, holds in remarks.items() if holds]


def _builds(pairs: Sequence[Pair]) -> str:
    """The builds of the dynamic engines and of the static ones that they replace, in words.

    Empty where one of them is not known.
    """
    rows = list(dict.fromkeys(row for pair in pairs for row in (pair.row, pair.static)))
    if not all(row.result.builds for row in rows):
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
