"""What stands on file of a sweep whose command was killed, and what it should not have added."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import sweep
from bench.journal import database
from bench.journal.store import Store
from bench.planning.schedule import AGAIN
from sizewise.core.stats.counting import Rounds, mending_waves, rounds_of

Finished = dict[tuple[str, int], int]
"""Trial and number of its wave → when its first block started: measured again, it would be
another."""


@dataclass(frozen=True)
class Row:
    """The waves of a trial, its size, and whether it failed in the last of them."""

    waves: Mapping[int, Rounds] = field(default_factory=dict)
    size: str = ""
    failed: bool = False


Trials = Mapping[str, Row]
"""By the trial's identity."""


def moments_of(life_s: float, kills: int, seed: int) -> list[float]:
    """One in each of as many equal parts of a life, so that few kills meet all of it; in an order
    of the seed's, since a start that goes on lives shorter."""
    chance = random.Random(seed)
    moments = [life_s * (part + chance.random()) / kills for part in range(kills)]
    chance.shuffle(moments)
    return moments


@contextmanager
def copied(out: Path) -> Iterator[Path]:
    """A folder with a copy of the results, so that the next start meets the files as the kill left
    them: whoever opens them would undo a half-done commit."""
    with TemporaryDirectory() as copy:
        for path in out.glob(f"{sweep.RESULTS}*"):
            shutil.copy(path, copy)
        yield Path(copy)


def finished(out: Path) -> Finished:
    """Read by SQLite alone, from a copy. Raises AssertionError where the file is damaged or has a
    wave twice."""
    with copied(out) as copy:
        if not (path := copy / sweep.RESULTS).exists():
            return {}
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            if database.is_empty(connection):
                return {}
            rows = connection.execute(
                "SELECT identity, wave.number, min(block.started_ns) FROM block"
                " JOIN trial ON trial_id = trial.id JOIN wave ON wave_id = wave.id"
                " GROUP BY trial_id, wave_id"
            ).fetchall()
    found = {(identity, number): started for identity, number, started in rows}
    assert len(rows) == len(found), "a wave was measured twice"
    return found


def trials(out: Path) -> Trials:
    """The rows as a reader finds them: it undoes a half-done commit."""
    path = out / sweep.RESULTS
    if not path.exists() or not path.stat().st_size or _has_no_tables(path):
        return {}
    with Store.open(path, read_only=True) as store:
        return {
            result.trial.identity: Row(
                waves=rounds_of(result.blocks),
                size=str(result.trial.cell.size),
                failed=result.status == "failed",
            )
            for run in store.runs()
            for result in run.results
        }


def too_many(before: Trials, now: Trials, least: int) -> int:
    """The waves that one life should not have added to those ``before``; see
    :func:`told_too_many`."""
    return len(list(told_too_many(before, now, least)))


def told_too_many(before: Trials, now: Trials, least: int) -> Iterator[str]:
    """A sentence for each wave that a trial should not have got in one life.

    The life fills up the ``least`` number of each trial, and where that has it and was disturbed,
    measures as many again. A trial that needs none may be the one companion of those of its size
    that do. Where these failed, they have no samples to show for the wave.
    """
    had = {one: before.get(one, Row()) for one in now}
    left = {one: _wanted(row.waves, least) for one, row in had.items()}
    failed = {row.size for row in now.values() if row.failed}
    new = {wave for one, row in now.items() for wave in row.waves.keys() - had[one].waves.keys()}
    for wave in sorted(new):
        members = [one for one, row in now.items() if wave in row.waves]
        spare = [one for one in members if not left[one]]
        has_company = len(spare) < len(members) or now[members[0]].size in failed
        for one in spare[1:] if has_company else spare:
            yield f"{one[:8]} had {_told(had[one].waves)}, and has {_told(now[one].waves)}"
        for one in members:
            left[one] = max(0, left[one] - 1)


def _told(waves: Mapping[int, Rounds]) -> str:
    """Each wave with the disturbances of its rounds' attempts."""
    return str(
        {
            wave: {
                number: [",".join(block.disturbed) or "clean" for block in tries]
                for number, tries in rounds.items()
            }
            for wave, rounds in waves.items()
        }
    )


def _wanted(had: Mapping[int, Rounds], least: int) -> int:
    """The waves that a life may add to a trial for its own sake."""
    if len(had) < least:
        return least - len(had)
    return min(least, max(0, (1 + AGAIN) * least - len(had))) if mending_waves(had) else 0


def _has_no_tables(path: Path) -> bool:
    """Whether it was killed between the file and its tables, which come in one commit."""
    with closing(sqlite3.connect(path)) as connection:
        return database.is_empty(connection)
