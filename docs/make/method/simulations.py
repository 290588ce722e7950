"""Count what the method claims on simulated machines (python -m docs.make.method.simulations).

Outcomes go to reports/measured/method-simulations.json as they are. Seeds are fixed in
tests/sizewise/core/stats/claim.py, so the same code gives the same outcomes on any machine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.sizewise.core.stats.claim import SEED, Claim
from tests.sizewise.core.stats.claims import CLAIMS

HOUSE = Path(__file__).resolve().parents[3]
RECORD = HOUSE / "reports" / "measured" / "method-simulations.json"


def main() -> None:
    started = _now()
    outcomes = []
    for number, claim in enumerate(CLAIMS, start=1):
        outcomes.append(_outcome(claim))
        sys.stderr.write(f"{number:>3} of {len(CLAIMS)}: {_line(outcomes[-1])}\n")
    record = {
        "seed": SEED,
        "commit": _git("rev-parse", "HEAD"),
        "changed_files": _git("status", "--porcelain", "--untracked-files=no").splitlines(),
        "started": started,
        "ended": _now(),
        "claims": outcomes,
    }
    RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _outcome(claim: Claim) -> dict[str, Any]:
    started = _now()
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
        "ended": _now(),
    }


def _line(outcome: Mapping[str, Any]) -> str:
    share = 100 * outcome["hits"] / outcome["cases"]
    reached = "reached" if outcome["reached"] else "NOT REACHED"
    bounds = f"{100 * outcome['at_least']:g}–{100 * outcome['at_most']:g} %"
    return f"{share:6.2f} % ({bounds}) {reached}: {outcome['says']}"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        (shutil.which("git") or "git", *arguments),
        cwd=HOUSE,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    main()
