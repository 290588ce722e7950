"""A sweep that is killed by kill -9 and started again, until the end
(python -m docs.make.method.kills [--kills N] [--minutes N]).

As ``tests.bench.kills`` does it: 60 trials of the fake back end, a third of whose rounds are
disturbed, killed at random moments, half of them within a commit. Kills come in batches with a seed
each. A batch is stored when it is done, so the same command goes on.

The claim: in 500 kills, of which 100 are within a commit, no wave that was stored is lost or
measured again, and none stands twice.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

from docs.make.method.records import OUT, now, origin, read_record, write_record
from docs.make.method.verdicts import kills_answer
from docs.make.pages import HOUSE
from sizewise.cli import console
from sizewise.core.files import output_folder

NAME = "method-kills"
KILLS, BATCH, SEED = 500, 50, 20261101
"""The first batch's seed; the next ones' follow it."""
LEAST_IN_COMMIT = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    given = parser.parse_args()
    end_s = time.monotonic() + 60 * given.minutes
    batches = list((read_record(NAME) or {}).get("batches", []))
    while (left := given.kills - sum(one["kills"] for one in batches)) > 0:
        if time.monotonic() > end_s:
            break
        batches.append(_batch(min(left, BATCH), SEED + len(batches)))
        record = _record(batches, given.kills)
        write_record(NAME, record)
        console.remark(f"{record['kills']} of {given.kills} kills: {_found(record)}")


def _batch(kills: int, seed: int) -> dict[str, Any]:
    """The record of one batch. ``again`` are waves that were measured again."""
    before, started = origin(), now()
    with TemporaryDirectory(dir=output_folder(OUT)) as folder:
        done = subprocess.run(
            (sys.executable, "-m", "tests.bench.kills", folder, str(kills), str(seed)),
            cwd=HOUSE,
            stdout=subprocess.PIPE,
            check=True,
        )
    found = json.loads(done.stdout)
    return {
        **{"seed": seed, "started": started, "ended": now(), "origin": before},
        **{name: found[name] for name in ("kills", "in_commit", "lives", "folders", "lost")},
        **{"again": found["changed"], "twice": found["twice"], "disturbed": found["disturbed"]},
        "unfinished": len(found["unfinished"]),
        "examples": found["examples"],
    }


def _record(batches: Sequence[dict[str, Any]], planned: int) -> dict[str, Any]:
    counted = ("kills", "in_commit", "lives", "folders", "lost", "again", "twice", "unfinished")
    record = origin() | {
        "seed": batches[0]["seed"],
        "started": batches[0]["started"],
        "ended": batches[-1]["ended"],
        "planned": planned,
        "least_in_commit": LEAST_IN_COMMIT,
        **{name: sum(one[name] for one in batches) for name in counted},
        "disturbed": sum(one.get("disturbed", 0) for one in batches),
        "batches": list(batches),
    }
    return record | {"holds": kills_answer(record) == "yes"}


def _found(record: dict[str, Any]) -> str:
    return (
        f"{record['in_commit']} within a commit, {record['lost']} waves lost, "
        f"{record['again']} measured again, {record['twice']} trials with a wave twice"
    )


if __name__ == "__main__":
    main()
