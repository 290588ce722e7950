"""The tables of a results file. A change here raises ``VERSION`` and needs an update of old files.

Environments, configurations, trials, builds, readings, first calls, memory and parts are JSON of
the values in ``sizewise.core``. Latencies are a JSON list of nanoseconds, one per call. ``chosen``
of an accuracy says of which images it is and, unless that is the usual way, how outputs were read
for it. Each row holds a sum of its other columns and of how many rows belong to it
(``bench.journal.sums``), so that a damaged one is never taken for a result, and none is missing
without being missed.
"""

from __future__ import annotations

import re
import sqlite3

VERSION = 3
APPLICATION_ID = 0x73697A65
"""``size`` in ASCII: it tells a results file from any other SQLite file."""

TABLES = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    started TEXT NOT NULL CHECK (started != ''),
    environment TEXT NOT NULL CHECK (json_valid(environment)),
    configuration TEXT NOT NULL,
    command TEXT NOT NULL,
    sum TEXT NOT NULL
);
CREATE TABLE trial (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id),
    identity TEXT NOT NULL UNIQUE CHECK (length(identity) = 64),
    trial TEXT NOT NULL CHECK (json_valid(trial)),
    status TEXT NOT NULL CHECK (status IN ('ok', 'unsupported', 'failed', 'invalid')),
    reason_code TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (status = 'ok' OR reason != ''),
    builds TEXT NOT NULL CHECK (json_valid(builds)),
    sum TEXT NOT NULL
);
CREATE TABLE wave (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id),
    size TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 0),
    rebuild INTEGER NOT NULL CHECK (rebuild >= 0),
    started_ns INTEGER NOT NULL,
    ended_ns INTEGER NOT NULL CHECK (ended_ns >= started_ns),
    anchor TEXT NOT NULL,
    blocks INTEGER NOT NULL CHECK (blocks >= 0),
    sum TEXT NOT NULL
);
CREATE TABLE round (
    wave_id INTEGER NOT NULL REFERENCES wave (id) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number >= 0),
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    started_ns INTEGER NOT NULL,
    ended_ns INTEGER NOT NULL CHECK (ended_ns >= started_ns),
    reading TEXT NOT NULL CHECK (json_valid(reading)),
    anchor TEXT CHECK (anchor IS NULL OR json_valid(anchor)),
    disturbed TEXT NOT NULL CHECK (json_valid(disturbed)),
    sum TEXT NOT NULL,
    PRIMARY KEY (wave_id, number, attempt)
) WITHOUT ROWID;
CREATE TABLE block (
    trial_id INTEGER NOT NULL REFERENCES trial (id) ON DELETE CASCADE,
    wave_id INTEGER NOT NULL,
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    started_ns INTEGER NOT NULL,
    latency_ns TEXT NOT NULL CHECK (json_array_length(latency_ns) > cold),
    cold INTEGER NOT NULL CHECK (cold >= 0),
    cpu_ns INTEGER NOT NULL CHECK (cpu_ns >= 0),
    sum TEXT NOT NULL,
    PRIMARY KEY (trial_id, wave_id, round, attempt),
    FOREIGN KEY (wave_id, round, attempt) REFERENCES round (wave_id, number, attempt)
        ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE process (
    trial_id INTEGER NOT NULL REFERENCES trial (id) ON DELETE CASCADE,
    wave_id INTEGER NOT NULL REFERENCES wave (id) ON DELETE CASCADE,
    first_call TEXT CHECK (first_call IS NULL OR json_valid(first_call)),
    memory TEXT CHECK (memory IS NULL OR json_valid(memory)),
    parts TEXT NOT NULL CHECK (json_valid(parts)),
    end_to_end TEXT NOT NULL CHECK (json_valid(end_to_end)),
    sum TEXT NOT NULL,
    PRIMARY KEY (trial_id, wave_id)
) WITHOUT ROWID;
CREATE TABLE accuracy (
    trial_id INTEGER NOT NULL REFERENCES trial (id) ON DELETE CASCADE,
    data_sha256 TEXT NOT NULL,
    chosen TEXT NOT NULL,
    run_id INTEGER NOT NULL REFERENCES run (id),
    figures TEXT CHECK (figures IS NULL OR json_valid(figures)),
    evidence BLOB NOT NULL,
    reason TEXT NOT NULL CHECK ((figures IS NULL) = (reason != '')),
    sum TEXT NOT NULL,
    PRIMARY KEY (trial_id, data_sha256, chosen)
) WITHOUT ROWID;
"""

LATER = {
    "failure": """
CREATE TABLE failure (
    trial_id INTEGER NOT NULL REFERENCES trial (id) ON DELETE CASCADE,
    run_id INTEGER NOT NULL REFERENCES run (id),
    reason_code TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (reason != ''),
    sum TEXT NOT NULL,
    PRIMARY KEY (trial_id, run_id)
) WITHOUT ROWID
""",
    "accuracy_failure": """
CREATE TABLE accuracy_failure (
    trial_id INTEGER NOT NULL REFERENCES trial (id) ON DELETE CASCADE,
    data_sha256 TEXT NOT NULL,
    chosen TEXT NOT NULL,
    run_id INTEGER NOT NULL REFERENCES run (id),
    reason_code TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (reason != ''),
    sum TEXT NOT NULL,
    PRIMARY KEY (trial_id, data_sha256, chosen, run_id)
) WITHOUT ROWID
""",
}
"""Came later, without another version: whoever knows no such table misses nothing of the results
(``bench.journal.failures``)."""


NAMES = frozenset((*re.findall(r"CREATE TABLE (\w+)", TABLES), *LATER, "result"))
"""Of all tables, those of earlier versions too."""


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables, within a transaction."""
    for statement in filter(str.strip, (*TABLES.split(";"), *LATER.values())):
        connection.execute(statement)
