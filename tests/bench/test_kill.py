"""A sweep is killed at random moments of its life and started again until it is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.bench.models import colours
from tests.bench.onfile import Finished, finished, moments_of

MARK = "SIZEWISE_TEST_SWEEP"
PROGRAM = """
from bench.waves.watching import MachineWatch
MachineWatch.disturbances = lambda *_: ()
from sizewise.cli import main
main()
"""
"""On a machine that is busy with other tests, every start would measure all rows again."""
FAREWELL_S = 10.0


class Sweep:
    """One folder, and the command that fills it."""

    def __init__(self, model: Path, out: Path) -> None:
        self.out = out
        options = "--backend fake --strategy static --sizes 32 --replicas 2 --processes 2"
        self._command = [
            *(sys.executable, "-c", PROGRAM, "bench", str(model)),
            *(*options.split(), "--rounds", "1", "--threads", "1", "--out", str(out)),
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
        return finished(self.out)

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


def kill_and_resume(
    model: Path, home: Path, expected: set[tuple[str, int]], moments: list[float]
) -> int:
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
            now = finished(sweep.out)
            assert {identity for identity, _ in now} <= {identity for identity, _ in expected}
            assert before.items() <= now.items()
            before = now
        done = sweep.finish()
        assert done.keys() == expected
        assert before.items() <= done.items()
    return folders


@pytest.mark.skipif(sys.platform != "linux", reason="reads other processes' environment")
def test_a_killed_command_leaves_no_process_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """With real children, of engines, of the anchor and of builds."""
    model = colours(tmp_path / "model.onnx").path
    started = time.monotonic()
    expected = Sweep(model, tmp_path / "undisturbed").finish().keys()
    life_s = time.monotonic() - started
    assert len(expected) == 4
    home = tmp_path / "killed"
    home.mkdir()
    assert kill_and_resume(model, home, set(expected), moments_of(life_s, 2, seed=0)) >= 1


@pytest.mark.parametrize(
    ("kills", "least_in_commit"), [(30, 4), pytest.param(500, 100, marks=pytest.mark.slow)]
)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a life is a fork")
def test_no_finished_wave_is_lost_or_measured_again(
    tmp_path: Path, kills: int, least_in_commit: int
) -> None:
    """60 fake trials, whose rounds are disturbed in a third of all cases; half of the kills fall
    into commits."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.bench.kills", str(tmp_path), str(kills), "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(said.stdout)
    assert found["kills"] == kills
    assert found["in_commit"] >= least_in_commit
    assert (found["lost"], found["changed"], found["twice"]) == (0, 0, 0)
    assert found["disturbed"] > 0
    assert found["unfinished"] == []
