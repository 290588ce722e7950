"""``sizewise bench`` is killed at random moments of its life and started again until it is done."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.bench.models import colours

AT_ONCE = 2
MARK = "SIZEWISE_TEST_SWEEP"
FAREWELL_S = 10.0

Finished = dict[str, int]
"""Identity → when its first block started: a trial that is measured again would start anew."""


class Sweep:
    """One folder, and the command that fills it."""

    def __init__(self, model: Path, out: Path) -> None:
        self.out = out
        options = "--backend fake --strategy static --sizes 32,64 --replicas 2 --processes 1"
        self._command = [
            *(sys.executable, "-c", "from sizewise.cli import main; main()", "bench", str(model)),
            *(*options.split(), "--rounds", "2", "--threads", "1", "--out", str(out)),
        ]

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            env=os.environ | {MARK: str(self.out)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def finish(self) -> Finished:
        with self.start() as process:
            _, said = process.communicate()
        assert process.returncode == 0, said
        return self.finished()

    def kill_after(self, seconds: float) -> bool:
        """Whether it was still alive then."""
        with self.start() as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                self.expect_no_survivors()
                return True
            assert process.stderr is not None
            assert process.returncode == 0, process.stderr.read()
        return False

    def expect_no_survivors(self) -> None:
        deadline = time.monotonic() + FAREWELL_S
        while survivors := self._survivors():
            assert time.monotonic() < deadline, survivors
            time.sleep(0.05)

    def _survivors(self) -> list[str]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.out):
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:  # gone meanwhile, dead but not buried, or somebody else's
                continue
        return found

    def finished(self) -> Finished:
        """Read from a copy, so that the next start meets the files as the kill left them."""
        copy = self.out.with_name(f"{self.out.name}-copy")
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in self.out.glob("results.sqlite*"):
            shutil.copy(path, copy)
        if not (copy / "results.sqlite").exists():
            return {}
        with closing(sqlite3.connect(copy / "results.sqlite")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            if not database.execute("SELECT * FROM sqlite_master").fetchall():
                return {}
            rows = database.execute(
                "SELECT identity, min(started_ns) FROM result JOIN block ON result_id = id"
                " GROUP BY result_id"
            ).fetchall()
        assert len(rows) == len(dict(rows))
        return dict(rows)


def moments_of(life_s: float, kills: int, seed: int) -> list[float]:
    """One in each of as many equal parts of a life, so that few kills meet all of it; in an order
    of the seed's, since a start that goes on lives shorter."""
    chance = random.Random(seed)
    moments = [life_s * (part + chance.random()) / kills for part in range(kills)]
    chance.shuffle(moments)
    return moments


def kill_and_resume(model: Path, home: Path, expected: set[str], moments: list[float]) -> int:
    """Kill at each of the moments, in as many folders as it takes. Gives their number."""
    folders = 0
    while moments:
        fresh = True
        sweep = Sweep(model, home / str(folders))
        folders += 1
        before: Finished = {}
        while moments:
            if not sweep.kill_after(moments[-1]):
                moments[-1] *= 0.7 if fresh else 1  # a whole life is shorter than it was
                break
            moments.pop()
            fresh = False
            now = sweep.finished()
            assert now.keys() <= expected
            assert before.items() <= now.items()
            before = now
        done = sweep.finish()
        assert done.keys() == expected
        assert before.items() <= done.items()
    return folders


@pytest.mark.parametrize("kills", [16, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.skipif(sys.platform != "linux", reason="reads other processes' environment")
def test_a_killed_sweep_goes_on_where_it_was(tmp_path: Path, kills: int) -> None:
    model = colours(tmp_path / "model.onnx").path
    started = time.monotonic()
    expected = Sweep(model, tmp_path / "undisturbed").finish().keys()
    life_s = time.monotonic() - started
    assert len(expected) == 4
    with ThreadPoolExecutor(AT_ONCE) as pool:
        chains = []
        for seed in range(AT_ONCE):
            home = tmp_path / f"chain-{seed}"
            home.mkdir()
            moments = moments_of(life_s, kills // AT_ONCE, seed)
            chains.append(pool.submit(kill_and_resume, model, home, set(expected), moments))
    assert sum(chain.result() for chain in chains) >= AT_ONCE
