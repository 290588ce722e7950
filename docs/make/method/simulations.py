"""Count what the method claims on simulated machines (python -m docs.make.method.simulations).

Outcomes go to reports/measured/method-simulations.json as they are. Seeds are fixed in
tests/sizewise/core/stats/claim.py, so the same code gives the same outcomes on any machine.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from docs.make.method.records import now, origin, write_record
from tests.sizewise.core.stats.claim import SEED, Claim
from tests.sizewise.core.stats.claims import CLAIMS

NAME = "method-simulations"


def main() -> None:
    started, before = now(), origin()
    outcomes = []
    for number, claim in enumerate(CLAIMS, start=1):
        outcomes.append(_outcome(claim))
        sys.stderr.write(f"{number:>3} of {len(CLAIMS)}: {_line(outcomes[-1])}\n")
    record = {
        "seed": SEED,
        **{name: before[name] for name in ("commit", "changed_files")},
        "started": started,
        "ended": now(),
        "claims": outcomes,
    }
    write_record(NAME, record)


def _outcome(claim: Claim) -> dict[str, Any]:
    started = now()
    found = claim.count()
    return {
        "name": claim.name,
        "says": claim.says,
        "groups": claim.groups,
        "hits": found.hits,
        "cases": found.cases,
        "at_least": claim.low,
        "at_most": claim.high,
        "required": claim.required,
        "comparison": claim.comparison,
        "reached": claim.holds(found),
        "started": started,
        "ended": now(),
    }


def _line(outcome: Mapping[str, Any]) -> str:
    share = 100 * outcome["hits"] / outcome["cases"]
    reached = "reached" if outcome["reached"] else "NOT REACHED"
    bounds = f"{100 * outcome['at_least']:g}–{100 * outcome['at_most']:g} %"
    return f"{share:6.2f} % ({bounds}) {reached}: {outcome['says']}"


if __name__ == "__main__":
    main()
