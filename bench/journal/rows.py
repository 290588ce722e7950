"""Conversion of runs and waves to rows of the store, and of its rows to results.

A trial comes back with its back end's options as plain ``BackendOptions``. So its identity is the
row's column, and not the hash of the value that was read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from bench.waves.measured import Member, State, Turned, Wave, placed
from sizewise.core import codec
from sizewise.core.machine.environment import Environment
from sizewise.core.trials import (
    Accuracy,
    Block,
    Build,
    FirstCall,
    Memory,
    Part,
    Reading,
    Result,
    Round,
    Run,
    Sample,
    Trial,
)

T = TypeVar("T")
Row = dict[str, Any]


def from_run(run: Run) -> Row:
    return {
        "started": run.started,
        "environment": codec.to_json(run.environment),
        "configuration": run.configuration,
        "command": run.command,
    }


def to_run(row: sqlite3.Row, results: tuple[Result, ...]) -> Run:
    return Run(
        started=row["started"],
        environment=codec.from_json(row["environment"], Environment),
        configuration=row["configuration"],
        command=row["command"],
        results=results,
    )


def from_trial(run_id: int, trial: Trial, state: State, builds: Iterable[Build]) -> Row:
    return {
        "run_id": run_id,
        "identity": trial.identity,
        "trial": codec.to_json(trial),
        "status": state.status,
        "reason_code": state.reason_code,
        "reason": state.reason,
        "builds": codec.to_json(tuple(builds)),
    }


def from_wave(run_id: int, wave: Wave) -> Row:
    return {
        "run_id": run_id,
        "size": str(wave.size),
        "number": wave.number,
        "rebuild": wave.rebuild,
        "started_ns": wave.started_ns,
        "ended_ns": wave.ended_ns,
        "anchor": wave.anchor,
        "blocks": sum(len(member.turns) for member in wave.members),
    }


def from_round(wave_id: int, measured: Round) -> Row:
    return {
        "wave_id": wave_id,
        "number": measured.number,
        "attempt": measured.attempt,
        "started_ns": measured.started_ns,
        "ended_ns": measured.ended_ns,
        "reading": codec.to_json(measured.reading),
        "anchor": _optional_json(measured.anchor),
        "disturbed": codec.to_json(measured.disturbed),
    }


def from_turn(trial_id: int, wave_id: int, turned: Turned) -> Row:
    return {
        "trial_id": trial_id,
        "wave_id": wave_id,
        "round": turned.round,
        "attempt": turned.attempt,
        "started_ns": turned.sample.started_ns,
        "latency_ns": codec.to_json(turned.sample.latency_ns),
        "cold": turned.sample.cold,
        "cpu_ns": turned.sample.cpu_ns,
    }


def from_member(trial_id: int, wave_id: int, member: Member) -> Row:
    return {
        "trial_id": trial_id,
        "wave_id": wave_id,
        "first_call": _optional_json(member.first_call),
        "memory": _optional_json(member.memory),
        "parts": codec.to_json(member.parts),
        "end_to_end": codec.to_json(member.end_to_end),
    }


def from_accuracy(trial_id: int, run_id: int, accuracy: Accuracy, reason: str = "") -> Row:
    """``reason`` says why ``accuracy`` holds no figures, where it does not."""
    figures = None if reason else codec.to_json(replace(accuracy, evidence=b""))
    return {
        "trial_id": trial_id,
        "data_sha256": accuracy.data_sha256,
        "chosen": _chosen(accuracy),
        "run_id": run_id,
        "figures": figures,
        "evidence": accuracy.evidence,
        "reason": reason,
    }


def accuracy_key(accuracy: Accuracy) -> tuple[str, str]:
    """What tells the row of an accuracy from others of its trial: the data, and which images of
    them it is of."""
    return accuracy.data_sha256, _chosen(accuracy)


def _chosen(accuracy: Accuracy) -> str:
    """The part of the key that says which images were taken and, unless it is the usual way, how
    outputs were read: accuracies of the same images in two ways are two rows."""
    said = [accuracy.chosen] if accuracy.chosen else []
    said += [f"NMS {accuracy.suppression}"] if accuracy.suppression else []
    said += [f"names {accuracy.names_sha256}"] if accuracy.names_sha256 else []
    return "; ".join(said)


def to_result(
    row: sqlite3.Row, blocks: Iterable[Block], processes: Iterable[sqlite3.Row]
) -> Result:
    """A result without its accuracy."""
    started = list(processes)
    first_calls = (_of_wave(one, "first_call", FirstCall) for one in started)
    memory = (_optional(one["memory"], Memory) for one in started)
    return Result(
        trial=codec.from_json(row["trial"], Trial),
        status=row["status"],
        reason_code=row["reason_code"],
        reason=row["reason"],
        builds=codec.from_json(row["builds"], tuple[Build, ...]),
        blocks=tuple(blocks),
        first_calls=tuple(call for call in first_calls if call is not None),
        memory=tuple(one for one in memory if one is not None),
        parts=tuple(part for one in started for part in _parts(one, "parts")),
        end_to_end=tuple(part for one in started for part in _parts(one, "end_to_end")),
    )


def with_accuracy(result: Result, row: sqlite3.Row) -> Result:
    """``result`` with the accuracy of ``row``, or the reason why it has none."""
    if row["reason"]:
        return replace(result, accuracy_reason=row["reason"])
    figures = codec.from_json(row["figures"], Accuracy)
    return replace(result, accuracy=replace(figures, evidence=row["evidence"]), accuracy_reason="")


def to_round(row: sqlite3.Row) -> Round:
    return Round(
        number=row["number"],
        attempt=row["attempt"],
        started_ns=row["started_ns"],
        ended_ns=row["ended_ns"],
        reading=codec.from_json(row["reading"], Reading),
        anchor=_optional(row["anchor"], Sample),
        disturbed=codec.from_json(row["disturbed"], tuple[str, ...]),
    )


def to_block(row: sqlite3.Row, wave: sqlite3.Row, within: Round) -> Block:
    sample = Sample(
        started_ns=row["started_ns"],
        latency_ns=codec.from_json(row["latency_ns"], tuple[int, ...]),
        cold=row["cold"],
        cpu_ns=row["cpu_ns"],
    )
    return placed(
        Turned(round=row["round"], attempt=row["attempt"], sample=sample),
        within,
        wave=wave["id"],
        rebuild=wave["rebuild"],
        session=wave["run_id"],
        anchor=wave["anchor"],
    )


def _parts(row: sqlite3.Row, column: str) -> tuple[Part, ...]:
    found = codec.from_json(row[column], tuple[Part, ...])
    return tuple(replace(part, wave=row["wave_id"]) for part in found)


def _of_wave(row: sqlite3.Row, column: str, kind: type[FirstCall]) -> FirstCall | None:
    found = _optional(row[column], kind)
    return None if found is None else replace(found, wave=row["wave_id"])


def _optional_json(value: object) -> str | None:
    return None if value is None else codec.to_json(value)


def _optional(text: str | None, kind: type[T]) -> T | None:
    return None if text is None else codec.from_json(text, kind)
