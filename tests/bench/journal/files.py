"""Results files to test with, and other programs that have them open."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from bench.journal import database
from bench.journal.store import Store
from bench.waves.measured import State, Wave
from sizewise.core.machine.environment import read_environment
from sizewise.core.trials import Accuracy, Result, Run
from tests.bench.factories import trial, waves

RUN = Run(started="2026-01-01", environment=read_environment(), configuration="{}", command="x")
SAMPLES = np.full((2, 3, 5), 1e6)
ACCURACY = Accuracy(images=9, data_sha256="ef", ap=0.5, evidence=b"x\0y")
TIMEOUT = State(status="failed", reason_code="timeout", reason="It hung.")


def filed(folder: Path, *measured: Wave) -> Path:
    """A file with one run more, and with these waves in it."""
    path = folder / "results.sqlite"
    with Store.open(path) as store:
        run = store.begin_run(RUN)
        for wave in measured:
            store.add_wave(run, wave)
    return path


def read(path: Path) -> tuple[Result, ...]:
    with Store.open(path, read_only=True) as store:
        return tuple(result for run in store.runs() for result in run.results)


def with_everything(folder: Path) -> Path:
    """Two runs, each with waves: of a trial that has an accuracy, of two more that differ, and a
    trial that could not be built."""
    path = filed(folder, *waves(SAMPLES, trial(0)), *waves(2 * SAMPLES, trial(1)))
    with Store.open(path) as store:
        store.add_accuracy(1, trial(0), ACCURACY)
        store.note(1, trial(9), TIMEOUT)
    return filed(folder, *waves(3 * SAMPLES, trial(0), trial(2)))


@contextmanager
def viewer(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program that has begun to read, and has not ended that yet."""
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM sqlite_master").fetchone()
        yield connection


class Clock:
    """A clock that goes on by three seconds whenever the store looks at it, which it does after
    each time that it found the file locked. A program that is closed ``after_s`` has kept it locked
    for so long."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now_s, self._end_s = 0.0, math.inf
        self._close: Callable[[], None] = lambda: None
        patch.setattr(database, "time", self)
        patch.setattr(database, "_NOTICE_S", 0.0)

    def monotonic(self) -> float:
        self.now_s += 3
        if self.now_s >= self._end_s:
            self._close()
        return self.now_s

    def close(self, program: ExitStack, after_s: float) -> None:
        self._end_s, self._close = self.now_s + after_s, program.close
