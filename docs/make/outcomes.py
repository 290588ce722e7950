"""Outcomes of campaigns that look for failures: reports/measured/reliability-NAME.json
(python -m docs.make.outcomes NAME [--cases N] [--seed N]).

A campaign is a module that is called with a number of cases and a seed. It prints one JSON object:
``cases``, ``counts`` by what came of them, and ``violations``, a sentence each; where all cases are
wanted also ``possible``, their number. One that runs in another way calls :func:`write_outcome`.
docs.make.reliability lists them all, and makes the page.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from docs.make.method.records import now, origin, read_record, write_record
from docs.make.pages import HOUSE
from docs.make.reliability import CAMPAIGNS, record_name
from sizewise.cli import console

SEED = 20261126
_ALL = 10**9


def main() -> None:
    runnable = {one.name: one for one in CAMPAIGNS if one.module}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(runnable))
    parser.add_argument("--cases", type=int)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    campaign = runnable[given.name]
    cases = given.cases or campaign.wanted or _ALL
    started, before = now(), origin()
    done = subprocess.run(
        (sys.executable, "-m", campaign.module, str(cases), str(given.seed)),
        cwd=HOUSE,
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(done.stdout)
    write_outcome(
        campaign.name,
        cases=found["cases"],
        counts=found["counts"],
        violations=found["violations"],
        seed=given.seed,
        started=started,
        before=before,
        possible=found.get("possible"),
    )
    console.remark(f"{campaign.name}: {found['cases']} cases, {found['counts']}")
    for one in found["violations"]:
        console.remark(one)


def write_outcome(
    name: str,
    *,
    cases: int,
    counts: Mapping[str, int],
    violations: Sequence[str],
    seed: int,
    started: str,
    before: Mapping[str, Any],
    possible: int | None = None,
) -> None:
    """Write the record of a campaign that ended now. ``started`` and ``before`` are
    ``docs.make.method.records.now()`` and ``origin()`` of its beginning: its code is of then.
    ``possible`` cases there are where all are wanted."""
    told: dict[str, Any] = {"cases": cases, "counts": dict(counts), "violations": list(violations)}
    if possible is not None:
        told["possible"] = possible
    when = {"seed": seed, "started": started, "ended": now()}
    write_record(record_name(name), dict(before) | when | told)


def read_outcome(name: str) -> Any:
    """The record of a campaign, or None where it was not run."""
    return read_record(record_name(name))


if __name__ == "__main__":
    main()
