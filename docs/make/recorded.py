"""Runs in reports/measured, from which pages are rendered again when reports change.

A record has all raw samples of its runs, and no folder of the machine that measured them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.journal.store import Store
from docs.make.pages import MEASURED
from reports.text.words import command_without_folders, without_folders
from sizewise.core import codec
from sizewise.core.files import written_whole
from sizewise.core.trials import Run

_BYTES = "evidence"
"""A field of bytes in Base64, where a slash begins no path."""


def stored_runs(results: Path) -> tuple[Run, ...]:
    """The runs of a results file. Raises InputError, RecordError and SchemaVersionError."""
    with Store.open(results, read_only=True) as store:
        return store.runs()


def plain_runs(runs: Iterable[Run]) -> list[Any]:
    """``runs`` as JSON, every absolute path in them cut to its last part."""
    return [
        _without_folders(codec.to_plain(run)) | {"command": command_without_folders(run.command)}
        for run in runs
    ]


def runs_of(plain: Sequence[Any]) -> tuple[Run, ...]:
    """The runs of :func:`plain_runs`. Raises msgspec.ValidationError."""
    return tuple(codec.from_plain(run, Run) for run in plain)


def read_record(name: str) -> Any:
    """The record, or None where it is not there yet."""
    path = MEASURED / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def write_record(name: str, record: Any) -> None:
    """Write it whole, on one line: samples are long lists of numbers."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    with written_whole(MEASURED / f"{name}.json") as draft:
        draft.write_text(f"{text}\n", encoding="utf-8")


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: one if k == _BYTES else _without_folders(one) for k, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_without_folders(one) for one in value]
    return without_folders(value) if isinstance(value, str) else value
