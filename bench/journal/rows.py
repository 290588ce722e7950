"""Conversion of runs, results and blocks to rows of the store, and back.

A trial comes back with its back end's options as plain ``BackendOptions``. So its identity is the
row's column, and not the hash of the value that was read.
"""

from __future__ import annotations

import sqlite3
from typing import Any, TypeVar

from sizewise.core import codec
from sizewise.core.environment import Environment
from sizewise.core.trials import Accuracy, Block, Build, FirstCall, Memory, Part, Result, Run, Trial

T = TypeVar("T")


def from_run(run: Run) -> dict[str, Any]:
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


def from_result(run_id: int, result: Result) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "identity": result.trial.identity,
        "trial": codec.to_json(result.trial),
        "status": result.status,
        "reason_code": result.reason_code,
        "reason": result.reason,
        "memory": _optional_json(result.memory),
        "accuracy": _optional_json(result.accuracy),
        "build": _optional_json(result.build),
        "first_calls": _optional_json(result.first_calls or None),
        "parts": _optional_json(result.parts or None),
    }


def to_result(row: sqlite3.Row, blocks: tuple[Block, ...]) -> Result:
    return Result(
        trial=codec.from_json(row["trial"], Trial),
        status=row["status"],
        reason_code=row["reason_code"],
        reason=row["reason"],
        memory=_optional(row["memory"], Memory),
        accuracy=_optional(row["accuracy"], Accuracy),
        build=_optional(row["build"], Build),
        blocks=blocks,
        first_calls=_optional(row["first_calls"], tuple[FirstCall, ...]) or (),
        parts=_optional(row["parts"], tuple[Part, ...]) or (),
    )


def from_block(result_id: int, block: Block) -> dict[str, Any]:
    latency_ns = codec.to_json(block.latency_ns)
    return {"result_id": result_id} | vars(block) | {"latency_ns": latency_ns}


def to_block(row: sqlite3.Row) -> Block:
    values = {name: row[name] for name in Block.__dataclass_fields__}
    latency_ns = codec.from_json(row["latency_ns"], tuple[int, ...])
    return Block(**values | {"latency_ns": latency_ns, "valid": bool(row["valid"])})


def _optional_json(value: object) -> str | None:
    return None if value is None else codec.to_json(value)


def _optional(text: str | None, kind: type[T]) -> T | None:
    return None if text is None else codec.from_json(text, kind)
