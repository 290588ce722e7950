"""What became of trials and of accuracies that failed, run by run: two failures in a row that are
alike quarantine the one or the other.

A file of before has no such tables: a writer adds them. The sums of runs do not count their rows,
as those of earlier files know none: one that is lost costs another attempt, and no result.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from bench.journal.adding import add
from bench.journal.belonging import whole_rows
from bench.waves.measured import State
from sizewise.core.trials import EXPECTED_OOM

_PASSING = ("start", "environment", "untrusted", EXPECTED_OOM)
"""Of the machine or of a user's files, and cheap to find out again; the last was never tried."""
_VAGUE = ("error", "crash_exception")
"""Codes that say too little: such failures are alike where their sentences are, too."""
_OF_ACCURACY = ("trial_id", "data_sha256", "chosen")
"""What tells an accuracy from others: its trial, and which images it is of."""
_ENOUGH = 2
_VARYING = re.compile(r"0x[0-9a-f]+|\d+(\.\d+)?", re.IGNORECASE)
"""Addresses, process numbers and times in a sentence."""


def has_table(connection: sqlite3.Connection, table: str) -> bool:
    """Whether the file has a table."""
    query = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?)"
    return bool(connection.execute(query, (table,)).fetchone()[0])


def note(connection: sqlite3.Connection, run_id: int, trial_id: int, state: State) -> None:
    """Note what became of a trial in a run: a failure, or that it ran, which ends a series."""
    trial = {"trial_id": trial_id}
    if state.status == "failed":
        _add(connection, "failure", trial, run_id, state)
    elif state.status == "ok":
        _forget(connection, "failure", trial)


def note_accuracy(
    connection: sqlite3.Connection, run_id: int, row: Mapping[str, Any], code: str
) -> None:
    """Note what became of an accuracy in a run, by its row: ``code`` says why it failed, if it
    did."""
    key = {name: row[name] for name in _OF_ACCURACY}
    if row["reason"]:
        state = State(status="failed", reason_code=code, reason=row["reason"])
        _add(connection, "accuracy_failure", key, run_id, state)
    else:
        _forget(connection, "accuracy_failure", key)


def quarantined(connection: sqlite3.Connection) -> dict[int, str]:
    """The code of each trial whose last failures are alike, by the number of its row. Raises
    RecordError where a row is not as it was written."""
    return {key[0]: code for key, code in _alike(connection, "failure", ("trial_id",)).items()}


def quarantined_accuracies(connection: sqlite3.Connection) -> frozenset[tuple[int, str, str]]:
    """The accuracies whose last failures are alike: the numbers of their trials, and what their
    rows say of images. Raises RecordError as :func:`quarantined` does."""
    return frozenset(_alike(connection, "accuracy_failure", _OF_ACCURACY))


def _add(
    connection: sqlite3.Connection, table: str, key: Mapping[str, Any], run_id: int, state: State
) -> None:
    if state.reason_code not in _PASSING:
        row = {
            **key,
            "run_id": run_id,
            "reason_code": state.reason_code,
            "reason": state.reason,
        }
        add(connection, table, row, replacing=True)


def _forget(connection: sqlite3.Connection, table: str, key: Mapping[str, Any]) -> None:
    where = " AND ".join(f"{name} = :{name}" for name in key)
    connection.execute(f"DELETE FROM {table} WHERE {where}", key)  # noqa: S608 - names of ours


def _alike(
    connection: sqlite3.Connection, table: str, key: tuple[str, ...]
) -> dict[tuple[Any, ...], str]:
    """The code of each series of failures that ends in two which are alike, by its key."""
    series: dict[tuple[Any, ...], list[sqlite3.Row]] = {}
    if has_table(connection, table):
        for row in whole_rows(connection, table, "run_id"):
            series.setdefault(tuple(row[name] for name in key), []).append(row)
    return {
        whose: failures[-1]["reason_code"]
        for whose, failures in series.items()
        if len(failures) >= _ENOUGH and len(set(map(_kind, failures[-_ENOUGH:]))) == 1
    }


def _kind(row: sqlite3.Row) -> tuple[str, str]:
    """Equal in failures that are alike."""
    code = row["reason_code"]
    return code, _VARYING.sub("#", row["reason"]) if code in _VAGUE else ""
