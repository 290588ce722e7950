"""A results file as rows, or as a pandas frame."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.journal.store import Store
from reports.columns import COLUMNS, Row
from reports.rows import rows_of
from sizewise.core import codec
from sizewise.core.environment import Environment
from sizewise.core.errors import RecordError
from sizewise.core.trials import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class _Model:
    sha256: str
    parameters: int = 0


@dataclass(frozen=True, kw_only=True)
class _Configuration:
    models: tuple[_Model, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Records:
    """The runs of one environment, the newest on file, with a row for each of their results.

    ``left_out`` are runs of other environments, never mixed with these.
    """

    environment: Environment
    runs: tuple[Run, ...]
    left_out: tuple[Run, ...]
    rows: tuple[Row, ...]


def load(path: Path | str, models: Collection[str] = ()) -> pd.DataFrame:
    """A results file as a table: a row for each result, the columns of ``reports.columns.COLUMNS``.

    Figures that were not measured are NaN, texts that are not there are empty. The rows are those
    of the newest environment in the file, of all models or of those with the hashes ``models``.

    Raises InputError, RecordError or SchemaVersionError where there is nothing to read.
    """
    return to_frame(read_records(Path(path), models).rows)


def to_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """The columns of ``rows`` as a pandas frame; its index counts the rows and means nothing."""
    import pandas as pd

    table = [[_plain(getattr(row, name)) for name in COLUMNS] for row in rows]
    return pd.DataFrame(table, columns=list(COLUMNS))


def _plain(value: object) -> object:
    """Numbers and texts as they are, lists of sentences as one text, sizes as options take them."""
    if isinstance(value, tuple):
        return "; ".join(value)
    return value if isinstance(value, (int, float)) else str(value)


def read_records(path: Path, models: Collection[str] = ()) -> Records:
    """The records of all models, or of those with the hashes ``models``.

    Raises InputError, RecordError or SchemaVersionError where there is nothing to read.
    """
    with Store.open(path, read_only=True) as store:
        runs = store.runs()
    return select_records([_only(run, models) for run in runs] if models else runs, path.name)


def _only(run: Run, models: Collection[str]) -> Run:
    return replace(run, results=tuple(r for r in run.results if r.trial.model_sha256 in models))


def select_records(runs: Iterable[Run], name: str) -> Records:
    """The runs of the newest environment. Raises RecordError where no run has a result."""
    filled = sorted((run for run in runs if run.results), key=lambda run: run.started)
    if not filled:
        raise RecordError(
            f"There is nothing to report in {name}",
            "it holds no result",
            "Run sizewise bench first; it resumes where it was stopped.",
        )
    newest = filled[-1].environment
    same = [run.environment.fingerprint == newest.fingerprint for run in filled]
    ours = tuple(run for run, is_same in zip(filled, same, strict=True) if is_same)
    results = tuple(result for run in ours for result in run.results)
    return Records(
        environment=newest,
        runs=ours,
        left_out=tuple(run for run, is_same in zip(filled, same, strict=True) if not is_same),
        rows=rows_of(results, _parameters(ours)),
    )


def _parameters(runs: Iterable[Run]) -> dict[str, int]:
    """Parameters by the model's hash; older files do not have them."""
    found: dict[str, int] = {}
    for run in runs:
        try:
            configuration = codec.from_json(run.configuration, _Configuration)
        except (msgspec.ValidationError, msgspec.DecodeError):
            continue  # somebody else's words; the report shows them as they are
        found |= {m.sha256: m.parameters for m in configuration.models if m.parameters}
    return found
