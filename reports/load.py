"""A results file as rows, or as a pandas frame."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bench.journal.store import Store
from reports.analysis.verdicts import Verdicts
from reports.columns import COLUMNS, Row
from reports.machines import is_same
from reports.rows.configured import models_of, rigor_of
from reports.rows.results import rows_of
from sizewise.core.errors import RecordError
from sizewise.core.machine.environment import Environment
from sizewise.core.trials import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Records:
    """The runs on one machine, that of the newest result on file, with a row for each result.

    A run may have none: it added waves or accuracies to those of others. ``left_out`` are runs of
    other environments, never mixed with these. ``environment`` is that of the newest result.
    """

    environment: Environment
    runs: tuple[Run, ...]
    left_out: tuple[Run, ...]
    rows: tuple[Row, ...]

    @cached_property
    def verdicts(self) -> Verdicts:
        """All comparisons of the rows, at the rigor that they were measured with."""
        return Verdicts(self.rows, rigor_of(self.runs))


def load(path: Path | str, models: Collection[str] = ()) -> pd.DataFrame:
    """A results file as a table: a row for each result, the columns of ``reports.columns.COLUMNS``.

    Figures that were not measured are NaN, texts that are not there are empty. Latencies are of
    warm calls, and their intervals hold for the time of the sweep. The rows are those of the newest
    environment in the file, of all models or of those with the hashes ``models``; where the column
    ``harness`` says "earlier", a row does not compare with the others. Rows that differ in ``nms``
    compare by ``end_to_end_ms`` only.

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
    return select_records(_only(runs, models) if models else runs, path.name)


def read_sides(path: Path, *sides: Collection[str]) -> tuple[Records | None, ...]:
    """The records of each of some sets of trials, by their identities; None where nothing of a set
    is on file. Each has an environment of its own. Raises as :func:`read_records` does."""
    with Store.open(path, read_only=True) as store:
        runs = [store.runs(only=identities) for identities in sides]
    return tuple(
        select_records(found, path.name) if any(run.results for run in found) else None
        for found in runs
    )


def _only(runs: Iterable[Run], models: Collection[str]) -> Iterator[Run]:
    for run in runs:
        results = tuple(r for r in run.results if r.trial.model_sha256 in models)
        if results or not run.results:
            yield replace(run, results=results)


def select_records(runs: Iterable[Run], name: str) -> Records:
    """The runs of the newest environment. Raises RecordError where no run has a result."""
    ordered = sorted(runs, key=lambda run: run.started)
    filled = [run for run in ordered if run.results]
    if not filled:
        raise RecordError(
            f"There is nothing to report in {name}",
            "it holds no result",
            "Run sizewise bench first; it resumes where it was stopped.",
        )
    newest = filled[-1].environment
    ours = tuple(run for run in ordered if is_same(run.environment, newest))
    results = tuple(result for run in ours for result in run.results)
    return Records(
        environment=newest,
        runs=ours,
        left_out=tuple(run for run in filled if not is_same(run.environment, newest)),
        rows=rows_of(results, models_of(ours)),
    )
