"""The figures of docs/method.md, from raw outcomes (python -m docs.make.method.tables)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docs.make.method.records import read_record
from docs.make.pages import HOUSE, fill, grid

PAGE = HOUSE / "docs" / "method.md"
_VARIANT = re.compile("-4|-8$|noisy|calm|stopped|covered-(p90|p99|mean)-(shared|drifting)")
_NOT_YET = ["*Not measured yet.*"]


def main() -> None:
    fill(PAGE, {"simulations": simulations, "fair engines": fair_engines})


def simulations() -> Sequence[str]:
    """Each claim with its bound and what was counted."""
    record = read_record("method-simulations")
    if record is None:
        return _NOT_YET
    rows = [
        (one["says"], one["cases"], _bound(one), _share(one), "yes" if one["reached"] else "**no**")
        for one in record["claims"]
        if _has_a_row(one)
    ]
    return [
        *grid(("simulated", "cases", "wanted", "found", "reached"), rows),
        "",
        f"All {len(record['claims'])} claims, with other numbers of engines and waves: "
        "`reports/measured/method-simulations.json` (seed "
        f"{record['seed']}, commit {record['commit'][:10]}, {record['started']} to "
        f"{record['ended']}).",
    ]


def _has_a_row(claim: Mapping[str, Any]) -> bool:
    """What was not reached has one always; of the rest, the plainest of each kind."""
    if not claim["reached"]:
        return True
    return claim["required"] and not _VARIANT.search(claim["name"])


def _share(one: Mapping[str, Any]) -> str:
    return f"{100 * one['hits'] / one['cases']:.1f} %"


def _bound(one: Mapping[str, Any]) -> str:
    low, high = 100 * one["at_least"], 100 * one["at_most"]
    if not low:
        return f"at most {high:g} %"
    return f"at least {low:g} %" if high == 100 else f"{low:g} to {high:g} %"


def fair_engines() -> Sequence[str]:
    """Our session over the bare library, cell by cell."""
    record = read_record("fair-engines")
    if record is None:
        return _NOT_YET
    machine, rule = record["environment"], record["rule"]
    holds = "holds" if record["verdict"]["holds"] else "does not hold"
    return [
        f"The rule {holds}: no interval wholly outside {rule['low']} to {rule['high']}, and the "
        f"median of the cells from {rule['median_low']} to {rule['median_high']}. "
        f"{len(record['cells'])} of {record['planned']} cells were measured.",
        "",
        *grid(("cell", "ours ÷ bare", "95 % interval"), _cells(record)),
        "",
        f"{machine['cpu']}, {machine['cores']} cores; commit {record['commit'][:10]}, "
        f"{record['started']} to {record['ended']}.",
    ]


def _cells(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for cell in record["cells"]:
        if not cell["shown"]:
            widest = 100 * record["rule"]["widest"]
            yield cell["label"], "not shown", f"wider than ±{widest:g} %"
            continue
        interval = f"{cell['low']:.3f} to {cell['high']:.3f}"
        yield cell["label"], f"{cell['ratio']:.3f}", interval


if __name__ == "__main__":
    main()
