"""What became of trials that failed, run by run: two failures in a row that are alike quarantine a
trial.

A file of before has no such table: a writer adds it. The sums of runs do not count its rows, as
those of earlier files know none: one that is lost costs another attempt, and no result.
"""

from __future__ import annotations

import re
import sqlite3

from bench.journal.adding import add
from bench.journal.belonging import whole_rows
from bench.waves.measured import State
from sizewise.core.trials import EXPECTED_OOM

_PASSING = ("start", "environment", "untrusted", EXPECTED_OOM)
"""Of the machine or of a user's files, and cheap to find out again; the last was never tried."""
_VAGUE = ("error", "crash_exception")
"""Codes that say too little: such failures are alike where their sentences are, too."""
_ENOUGH = 2
_VARYING = re.compile(r"0x[0-9a-f]+|\d+(\.\d+)?", re.IGNORECASE)
"""Addresses, process numbers and times in a sentence."""


def has_table(connection: sqlite3.Connection) -> bool:
    """Whether the file has the table."""
    query = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'failure')"
    return bool(connection.execute(query).fetchone()[0])


def note(connection: sqlite3.Connection, run_id: int, trial_id: int, state: State) -> None:
    """Note what became of a trial in a run: a failure, or that it ran, which ends a series."""
    if state.status == "failed" and state.reason_code not in _PASSING:
        row = {
            "trial_id": trial_id,
            "run_id": run_id,
            "reason_code": state.reason_code,
            "reason": state.reason,
        }
        add(connection, "failure", row, replacing=True)
    elif state.status == "ok":
        connection.execute("DELETE FROM failure WHERE trial_id = ?", (trial_id,))


def quarantined(connection: sqlite3.Connection) -> dict[int, str]:
    """The code of each trial whose last failures are alike, by the number of its row. Raises
    RecordError where a row is not as it was written."""
    series: dict[int, list[sqlite3.Row]] = {}
    if has_table(connection):
        for row in whole_rows(connection, "failure", "run_id"):
            series.setdefault(row["trial_id"], []).append(row)
    return {
        trial_id: failures[-1]["reason_code"]
        for trial_id, failures in series.items()
        if len(failures) >= _ENOUGH and len(set(map(_kind, failures[-_ENOUGH:]))) == 1
    }


def _kind(row: sqlite3.Row) -> tuple[str, str]:
    """Equal in failures that are alike."""
    code = row["reason_code"]
    return code, _VARYING.sub("#", row["reason"]) if code in _VAGUE else ""
