"""The tables of a results file. A change here raises ``VERSION`` and needs an update of old files.

Environments, configurations, trials, memory, accuracy, builds, first calls and parts of calls are
JSON of the values in ``sizewise.core`` (NULL where there are none). Latencies are a JSON list of
nanoseconds, one per call.
"""

from __future__ import annotations

VERSION = 2
APPLICATION_ID = 0x73697A65
"""``size`` in ASCII: it tells a results file from any other SQLite file."""

SCHEMA = f"""
BEGIN IMMEDIATE;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    started TEXT NOT NULL,
    environment TEXT NOT NULL,
    configuration TEXT NOT NULL,
    command TEXT NOT NULL
);
CREATE TABLE result (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id),
    identity TEXT NOT NULL UNIQUE,
    trial TEXT NOT NULL,
    status TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    reason TEXT NOT NULL,
    memory TEXT,
    accuracy TEXT,
    build TEXT,
    first_calls TEXT,
    parts TEXT
);
CREATE TABLE block (
    result_id INTEGER NOT NULL REFERENCES result (id) ON DELETE CASCADE,
    rebuild INTEGER NOT NULL,
    process INTEGER NOT NULL,
    round INTEGER NOT NULL,
    started_ns INTEGER NOT NULL,
    latency_ns TEXT NOT NULL,
    cpu_ns INTEGER NOT NULL,
    load REAL NOT NULL,
    clock_mhz REAL NOT NULL,
    valid INTEGER NOT NULL,
    PRIMARY KEY (result_id, rebuild, process, round)
) WITHOUT ROWID;
COMMIT;
"""

INSERT_RUN = """
INSERT INTO run (started, environment, configuration, command)
VALUES (:started, :environment, :configuration, :command)
"""

INSERT_RESULT = """
INSERT INTO result (
    run_id, identity, trial, status, reason_code, reason, memory, accuracy, build, first_calls,
    parts
) VALUES (
    :run_id, :identity, :trial, :status, :reason_code, :reason, :memory, :accuracy, :build,
    :first_calls, :parts
)
"""

INSERT_BLOCK = """
INSERT INTO block VALUES (
    :result_id, :rebuild, :process, :round, :started_ns, :latency_ns, :cpu_ns, :load, :clock_mhz,
    :valid
)
"""

_UNFINISHED = "(status = 'failed' OR reason_code IN ('unsupported_backend', 'unsupported_source'))"
FINISHED = f"SELECT identity FROM result WHERE NOT {_UNFINISHED}"  # noqa: S608 - a constant
WITHOUT_FIGURES = "SELECT * FROM result WHERE status != 'ok' ORDER BY id"
FORGET_FAILURE = f"DELETE FROM result WHERE identity = :identity AND {_UNFINISHED}"  # noqa: S608
"""Run before the same trial is stored anew. A finished one stays, and UNIQUE refuses the second."""
