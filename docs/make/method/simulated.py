"""The figures of simulated machines for docs/method.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docs.make.method.records import MISSING, read_record
from docs.make.pages import grid

_VARIANT = re.compile("-4|-8$|noisy|calm|stopped|covered-(p90|p99|mean)-(shared|drifting)")


def simulations() -> Sequence[str]:
    """Each claim with its bound and what was counted."""
    record = read_record("method-simulations")
    if record is None:
        return MISSING
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


def not_reached() -> Sequence[str]:
    """Every claim that was not reached, whether it was required or not."""
    record = read_record("method-simulations")
    if record is None:
        return MISSING
    claims = record["claims"]
    lines = list(_not_reached(claims))
    if not lines:
        return [f"All {len(claims)} claims were reached."]
    return [f"Not reached were {len(lines)} of {len(claims)}:", "", *lines]


def _not_reached(claims: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in claims:
        if not one["reached"]:
            yield f"- {one['says']}: {_share(one)}, wanted {_bound(one)}."


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
