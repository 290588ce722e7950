"""Results of schema 2, whose harness is an earlier one, in the tables of schema 3.

There, a result was stored whole, and its blocks knew their process and round. The engines of one
size that one run measured took turns, process by process: these become waves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.journal import adding, rows, schema
from bench.journal.sums import damaged
from bench.journal.told_twice import disagreement
from bench.waves.measured import Member, State, Turned, Wave
from sizewise.core import codec
from sizewise.core.specs import Size
from sizewise.core.trials import (
    Accuracy,
    Build,
    FirstCall,
    Memory,
    Part,
    Reading,
    Round,
    Sample,
    ShapeChange,
    Trial,
)

_NO_REASON = "No reason was noted."
_LOAD = "load"
_OLD = ("block", "result", "run")


@dataclass(frozen=True, kw_only=True)
class _First:
    process: int
    open_ns: int
    change: ShapeChange | None = None
    change_reason: str = ""


@dataclass(frozen=True, kw_only=True)
class _Part:
    name: str
    process: int
    latency_ns: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class _Size:
    size: Size


@dataclass(frozen=True, kw_only=True)
class _Protocol:
    """What tells the groups of a run apart: a size, and how it was measured."""

    cell: _Size
    protocol: Mapping[str, Any]


def update_to_3(connection: sqlite3.Connection) -> None:
    """Take waves and rounds from blocks, and give every row its sum: none, which is read as damage,
    where a trial differs from what it or its run says elsewhere."""
    for table in _OLD:
        connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    schema.create_tables(connection)
    runs = connection.execute("SELECT * FROM old_run ORDER BY id").fetchall()
    for row in runs:
        adding.add(connection, "run", dict(row))
    configurations = {row["id"]: row["configuration"] for row in runs}
    results = connection.execute("SELECT * FROM old_result ORDER BY id").fetchall()
    for row in results:
        _add_result(connection, row)
        if disagreement(row["trial"], configurations.get(row["run_id"], "")):
            connection.execute("UPDATE trial SET sum = '' WHERE id = ?", (row["id"],))
    for wave in _waves(results):
        _add_wave(connection, *wave)
    for row in runs:
        adding.seal(connection, row["id"])
    for table in _OLD:
        connection.execute(f"DROP TABLE old_{table}")


def demand_agreement(connection: sqlite3.Connection, path: Path) -> None:
    """Raises DamagedRecordError where a result of a file of schema 2, or of an earlier one, differs
    from what it or its run says elsewhere."""
    query = "SELECT trial, configuration FROM result JOIN run ON run.id = run_id ORDER BY result.id"
    for trial, configuration in connection.execute(query):
        if why := disagreement(trial, configuration):
            raise damaged(f"{path} is damaged", f"of a trial in it, {why}")


def _add_result(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    trial = {
        "id": row["id"],
        "run_id": row["run_id"],
        "identity": row["identity"],
        "trial": row["trial"],
        "status": row["status"],
        "reason_code": row["reason_code"],
        "reason": row["reason"] or ("" if row["status"] == "ok" else _NO_REASON),
        "builds": codec.to_json(() if row["build"] is None else (_read(row, "build", Build),)),
    }
    adding.add(connection, "trial", trial)
    if row["accuracy"] is not None:
        accuracy = rows.from_accuracy(row["id"], row["run_id"], _read(row, "accuracy", Accuracy))
        adding.add(connection, "accuracy", accuracy)


def _read(row: sqlite3.Row, column: str, kind: Any) -> Any:
    return None if row[column] is None else codec.from_json(row[column], kind)


_Results = list[sqlite3.Row]


def _waves(results: Iterable[sqlite3.Row]) -> Iterator[tuple[int, Size, _Results]]:
    """The run, the size and the results of each group that was measured by turns."""
    groups: dict[tuple[int, str], _Results] = {}
    for row in results:
        key = codec.to_json(codec.from_json(row["trial"], _Protocol))
        groups.setdefault((row["run_id"], key), []).append(row)
    for (run_id, key), members in groups.items():
        yield run_id, codec.from_json(key, _Protocol).cell.size, members


def _add_wave(connection: sqlite3.Connection, run_id: int, size: Size, members: _Results) -> None:
    """Add the waves of one group, process by process."""
    for process in sorted({p for row in members for p in _processes(connection, row)}):
        parts = {row["id"]: _member(connection, row, process) for row in members}
        rounds = tuple(_rounds(connection, members, process))
        wave = Wave(
            size=size,
            number=process,
            rebuild=0,
            anchor="",
            started_ns=min((one.started_ns for one in rounds), default=0),
            ended_ns=max((one.ended_ns for one in rounds), default=0),
            rounds=rounds,
            members=tuple(parts.values()),
        )
        adding.add_wave(connection, run_id, wave, tuple(parts))


def _processes(connection: sqlite3.Connection, row: sqlite3.Row) -> set[int]:
    query = "SELECT DISTINCT process FROM old_block WHERE result_id = ?"
    found = {process for (process,) in connection.execute(query, (row["id"],))}
    firsts = _read(row, "first_calls", tuple[_First, ...]) or ()
    return found | {first.process for first in firsts}


def _blocks(connection: sqlite3.Connection, result_id: int, process: int) -> _Results:
    query = "SELECT * FROM old_block WHERE result_id = ? AND process = ? ORDER BY round"
    return connection.execute(query, (result_id, process)).fetchall()


def _member(connection: sqlite3.Connection, row: sqlite3.Row, process: int) -> Member:
    firsts = [
        f for f in _read(row, "first_calls", tuple[_First, ...]) or () if f.process == process
    ]
    parts = [p for p in _read(row, "parts", tuple[_Part, ...]) or () if p.process == process]
    return Member(
        trial=codec.from_json(row["trial"], Trial),
        state=State(status=row["status"]),
        turns=tuple(map(_turned, _blocks(connection, row["id"], process))),
        first_call=_first_call(firsts[0]) if firsts else None,
        # There was one reading, of the first process.
        memory=_read(row, "memory", Memory) if process == 0 else None,
        parts=tuple(Part(name=p.name, wave=0, latency_ns=p.latency_ns) for p in parts),
    )


def _first_call(first: _First) -> FirstCall:
    return FirstCall(
        wave=0, open_ns=first.open_ns, change=first.change, change_reason=first.change_reason
    )


def _turned(block: sqlite3.Row) -> Turned:
    sample = Sample(
        started_ns=block["started_ns"],
        latency_ns=codec.from_json(block["latency_ns"], tuple[int, ...]),
        cpu_ns=block["cpu_ns"],
    )
    return Turned(round=block["round"], attempt=0, sample=sample)


def _rounds(connection: sqlite3.Connection, members: _Results, process: int) -> Iterator[Round]:
    """Rounds from the blocks in them: one that was disturbed makes its round so."""
    found: dict[int, _Results] = {}
    for row in members:
        for block in _blocks(connection, row["id"], process):
            found.setdefault(block["round"], []).append(block)
    for number, blocks in sorted(found.items()):
        ends = (b["started_ns"] + sum(codec.from_json(b["latency_ns"], list[int])) for b in blocks)
        yield Round(
            number=number,
            attempt=0,
            started_ns=min(block["started_ns"] for block in blocks),
            ended_ns=max(ends),
            reading=Reading(
                load=max(block["load"] for block in blocks),
                clock_mhz=blocks[0]["clock_mhz"],
            ),
            disturbed=() if all(block["valid"] for block in blocks) else (_LOAD,),
        )
