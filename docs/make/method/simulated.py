"""The figures of simulated machines for docs/method.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from docs.make.method.records import MISSING, read_record
from docs.make.method.words import commit
from docs.make.pages import grid

Claim = Mapping[str, Any]
"""A claim and its outcome, as docs.make.method.simulations records it."""

_VARIANT = re.compile("-4|-8$|noisy|calm|stopped-covered|covered-(p90|p99|mean)-(shared|drifting)")


def simulations() -> Sequence[str]:
    """Each claim with its bound and what was counted."""
    record = read_record("method-simulations")
    if record is None:
        return MISSING
    rows = [
        (one["says"], one["cases"], _bound(one) or "–", _share(one), _kind(one), _reached(one))
        for one in record["claims"]
        if _has_a_row(one)
    ]
    return [
        *grid(("simulated", "cases", "wanted", "found", "required", "reached"), rows),
        "",
        f"All {len(record['claims'])} claims, with other numbers of engines and waves: "
        "`reports/measured/method-simulations.json` (seed "
        f"{record['seed']}, {commit(record)}, {record['started']} to {record['ended']}).",
    ]


def not_reached() -> Sequence[str]:
    """Every claim that was not reached: those of the method, then goals that are not required, then
    what another way of measuring gives."""
    record = read_record("method-simulations")
    if record is None:
        return MISSING
    claims = [one for one in record["claims"] if not one["comparison"]]
    parts = (
        _part("are required", [one for one in claims if one["required"]]),
        _part("are goals, and not required", [one for one in claims if _is_a_goal(one)]),
        _compared([one for one in record["claims"] if one["comparison"]]),
    )
    lines = [line for part in parts if part for line in (*part, "")]
    return lines[:-1]


def _part(kind: str, claims: Sequence[Claim]) -> list[str]:
    missed = [one for one in claims if not one["reached"]]
    if not claims:
        return []
    if not missed:
        return [f"All {len(claims)} claims that {kind} were reached."]
    head = f"Not reached were {len(missed)} of the {len(claims)} claims that {kind}:"
    return [head, "", *map(_line, missed)]


def _compared(claims: Sequence[Claim]) -> list[str]:
    return ["For comparison:", "", *map(_line, claims)] if claims else []


def _line(one: Claim) -> str:
    return f"- {one['says']}: {_share(one)}, wanted {_bound(one)}."


def _is_a_goal(one: Claim) -> bool:
    """Whether it has a bound that is not required; without one it only shows a figure."""
    return not one["required"] and bool(_bound(one))


def _kind(one: Claim) -> str:
    if one["comparison"] or not _bound(one):
        return "for comparison" if one["comparison"] else "a figure"
    return "yes" if one["required"] else "no"


def _reached(one: Claim) -> str:
    if not _bound(one):
        return "–"
    return "yes" if one["reached"] else "**no**"


def _has_a_row(claim: Claim) -> bool:
    """What was not reached has one always, and what only shows a figure; of the rest, the plainest
    of each kind."""
    if not claim["reached"] or not _bound(claim):
        return True
    return claim["required"] and not _VARIANT.search(claim["name"])


def _share(one: Claim) -> str:
    return f"{100 * one['hits'] / one['cases']:.1f} %"


def _bound(one: Claim) -> str:
    """Empty where there is none."""
    low, high = 100 * one["at_least"], 100 * one["at_most"]
    if not low and high == 100:
        return ""
    if not low:
        return f"at most {high:g} %"
    return f"at least {low:g} %" if high == 100 else f"{low:g} to {high:g} %"
