"""The journal of a sweep: one SQLite file, one writer, raw samples; no finished wave is lost."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from bench.journal import database, failures, rows, schema, updates
from bench.journal.adding import add, add_wave, growing
from bench.journal.opening import reading
from bench.journal.reading import Filed, read_blocks, read_file
from bench.journal.sentences import sentences
from bench.journal.sums import demand_whole, summed
from bench.waves.measured import State, Wave
from sizewise.core.holding.closing import Closing
from sizewise.core.trials import Accuracy, Block, Build, Result, Run, Trial

NONE: Mapping[str, int] = MappingProxyType({})


def _unsaid(text: str) -> None:
    del text


class Store(Closing):
    """A results file. Its methods raise RecordError where the file is damaged or locked, and
    OutputError where it can't be written; what was committed before stays whole.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        opened: contextlib.ExitStack,
        remark: database.Remark | None,
    ) -> None:
        self._path = path
        self._connection = connection
        self._opened = opened
        self._remark = remark

    @classmethod
    def open(
        cls, path: Path, *, read_only: bool = False, remark: database.Remark = _unsaid
    ) -> Store:
        """Open for reading, or for writing (created where it is missing; one writer at a time).

        A writer brings the file of an older sizewise up to date; a reader leaves it as it is.
        ``remark`` is told where another program's lock is waited for. Raises InputError,
        OutputError, RecordError or SchemaVersionError.
        """
        with contextlib.ExitStack() as opened, sentences(path):
            if read_only:
                connection = opened.enter_context(reading(path))
            else:
                opened.enter_context(database.take_lock(path))
                opened.enter_context(database.no_empty_file(path))
                connection = opened.enter_context(contextlib.closing(database.connect(path)))
                updates.prepare(connection, path, remark)
            if updates.check_schema(connection, path) < schema.VERSION:
                copy = updates.updated_copy(connection, path)
                connection = opened.enter_context(contextlib.closing(copy))
            return cls(path, connection, opened.pop_all(), None if read_only else remark)

    def begin_run(self, run: Run) -> int:
        """Store a run (without its results) and give its number."""
        with self._writing() as connection:
            return add(connection, "run", rows.from_run(run))

    def note(self, run_id: int, trial: Trial, state: State, builds: Iterable[Build] = ()) -> None:
        """Store what is known of a trial; what was measured of it stays, and so does its status
        then: a later failure is a reason beside its figures."""
        with self._writing() as connection, growing(connection, run_id):
            self._note(run_id, trial, state, tuple(builds))

    def add_wave(self, run_id: int, wave: Wave, others: Mapping[str, int] = NONE) -> int:
        """Store a wave whole, or nothing of it, and give its number in the file. Trials of another
        environment belong to a run of their own: ``others``, by their identities."""
        with self._writing() as connection, growing(connection, *{run_id, *others.values()}):
            trial_ids = [
                self._note(
                    others.get(member.trial.identity, run_id),
                    member.trial,
                    member.state,
                    member.builds,
                )
                for member in wave.members
            ]
            return add_wave(connection, run_id, wave, trial_ids)

    def add_accuracy(
        self,
        run_id: int,
        trial: Trial,
        accuracy: Accuracy,
        reason: str = "",
        reason_code: str = "error",
    ) -> None:
        """Store the accuracy of a trial on file, or the ``reason`` why it has none on these data;
        its latencies stay as they are."""
        with self._writing() as connection:
            query = "SELECT id FROM trial WHERE identity = ?"
            (trial_id,) = connection.execute(query, (trial.identity,)).fetchone()
            row = rows.from_accuracy(trial_id, run_id, accuracy, reason)
            query = "SELECT run_id FROM accuracy WHERE (trial_id, data_sha256, chosen)"
            query += " = (:trial_id, :data_sha256, :chosen)"
            earlier = {number for (number,) in connection.execute(query, row)}
            with growing(connection, *{run_id, *earlier}):
                add(connection, "accuracy", row, replacing=True)
            failures.note_accuracy(connection, run_id, row, reason_code)

    def results(self, *, samples: bool = True) -> Mapping[str, Result]:
        """All results on file, by the identities of their trials. Without ``samples`` they have no
        blocks: those of a long sweep fill the memory."""
        _, found = self._read(samples=samples)
        return {one.identity: one.result for one in found}

    def blocks(self, identities: Collection[str]) -> Mapping[str, Sequence[Block]]:
        """The blocks of some trials, by their identities; those that have none are left out."""
        with self._at_one_moment():
            wanted = {n: name for n, name in self._identities().items() if name in identities}
            found = read_blocks(self._connection, list(wanted))
            return {wanted[number]: blocks for number, blocks in found.items()}

    def quarantined(self) -> Mapping[str, str]:
        """The reason codes of trials whose last two failures are alike, by their identities."""
        with self._at_one_moment():
            codes = failures.quarantined(self._connection)
            return {name: codes[n] for n, name in self._identities().items() if n in codes}

    def quarantined_accuracies(self) -> frozenset[tuple[str, str, str]]:
        """The accuracies whose last two failures are alike: the identities of their trials, and
        their ``bench.journal.rows.accuracy_key``."""
        with self._at_one_moment():
            found = failures.quarantined_accuracies(self._connection)
            names = self._identities()
            return frozenset((names[number], data, chosen) for number, data, chosen in found)

    def _identities(self) -> Mapping[int, str]:
        """Those of all trials, by the numbers of their rows."""
        return dict(self._connection.execute("SELECT id, identity FROM trial").fetchall())

    def runs(self, only: Collection[str] | None = None) -> tuple[Run, ...]:
        """All runs on file with the results of the trials that they added, in the order in which
        they were stored. Of the results ``only`` those of these identities, where it is given."""
        runs, found = self._read()
        added: dict[int, list[Result]] = {}
        for one in found:
            if only is None or one.identity in only:
                added.setdefault(one.run_id, []).append(one.result)
        with sentences(self._path):
            return tuple(rows.to_run(row, tuple(added.get(row["id"], ()))) for row in runs)

    def _read(self, *, samples: bool = True) -> tuple[list[sqlite3.Row], list[Filed]]:
        with self._at_one_moment():
            return read_file(self._connection, samples=samples)

    @contextlib.contextmanager
    def _at_one_moment(self) -> Iterator[None]:
        with (
            sentences(self._path),
            database.one_moment(self._connection, self._path, self._remark),
        ):
            yield

    def close(self) -> None:
        self._opened.close()

    def _note(self, run_id: int, trial: Trial, state: State, builds: tuple[Build, ...]) -> int:
        """The number of the trial's row, which is new, or renewed where something changed."""
        number = self._note_trial(run_id, trial, state, builds)
        failures.note(self._connection, run_id, number, state)
        return number

    def _note_trial(
        self, run_id: int, trial: Trial, state: State, builds: tuple[Build, ...]
    ) -> int:
        query = "SELECT * FROM trial WHERE identity = ?"
        known = self._connection.execute(query, (trial.identity,)).fetchone()
        if known is None:
            return add(self._connection, "trial", rows.from_trial(run_id, trial, state, builds))
        demand_whole("trial", known)
        if self._has_samples(known["id"]):
            state = state.beside_samples
        renewed = rows.from_trial(known["run_id"], trial, state, builds)
        row = summed("trial", {"id": known["id"], **renewed})
        if row["sum"] != known["sum"]:
            columns = ", ".join(f"{name} = :{name}" for name in row)
            self._connection.execute(
                f"UPDATE trial SET {columns} WHERE id = :id",  # noqa: S608 - names of ours
                row,
            )
        return int(known["id"])

    def _has_samples(self, trial_id: int) -> bool:
        query = "SELECT EXISTS (SELECT 1 FROM block WHERE trial_id = ?)"
        return bool(self._connection.execute(query, (trial_id,)).fetchone()[0])

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is stored, or nothing."""
        with sentences(self._path):
            database.begin(self._connection, self._path, self._remark)
            with self._connection as connection:
                yield connection
                database.commit(connection, self._path, self._remark)
