"""Kills a sweep at random moments and in the middle of commits, and starts it again until the end.

``python -m tests.bench.kills FOLDER KILLS SEED`` prints what it found as JSON. A life is a fork of
this process, whose engines and workers live in it: so it takes a second and not a minute. What a
kill does to real children, the test of the command line shows. A third of the rounds are disturbed.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import select
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench import sweep
from bench.journal import database
from bench.planning.settings import SweepSettings
from bench.timing import harness
from bench.waves.watching import Watching
from engines.store import cache
from sizewise.core.options.declared import fill
from sizewise.core.specs import ExportedModel
from sizewise.core.stats.counting import disturbed_of
from tests.bench.factories import launch_in_process
from tests.bench.models import colours
from tests.bench.onfile import Trials, told_too_many, trials
from tests.bench.restless import restlessly

SIZES, REPLICAS, WAVES = "32,64,96", 20, 2
NAMES = ("32x32", "64x64", "96x96")
DISTURBED = 1 / 3
"""Of the rounds."""
TRIALS = 3 * REPLICAS
SETTINGS: dict[str, Any] = {
    **{"backends": "fake", "strategies": "static", "sizes": SIZES, "replicas": REPLICAS},
    **{"processes": WAVES, "rounds": 1, "block_s": 0, "block_calls": 1, "threads": 1},
}
Waves = dict[tuple[str, int], int]
"""Trial and its wave in the file → when its block started: measured again, it is another."""


@dataclass
class Found:
    """``in_commit`` are the kills between the start of a commit and its end; ``lost`` are waves
    that were reported as stored and are not on file, ``changed`` those whose blocks are others than
    before, and ``twice`` those that were measured again: a size has each number once, and a life
    adds none to a trial that has its least number, unless its row was disturbed then. Of those that
    are left, so many trials' waves are ``disturbed``."""

    kills: int = 0
    in_commit: int = 0
    lives: int = 0
    folders: int = 0
    lost: int = 0
    changed: int = 0
    twice: int = 0
    disturbed: int = 0
    unfinished: list[str] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    """What was measured again in the first life that measured too much."""


def main(folder: Path, kills: int, seed: int) -> Found:
    """Kill so many times, in as many folders as that takes."""
    _live_here()
    chance, found = random.Random(seed), Found()
    model = colours(folder / "model.onnx")
    while found.kills < kills:
        out = folder / str(found.folders)
        found.folders += 1
        _one_folder(model, out, kills, chance, found)
    return found


def _one_folder(
    model: ExportedModel, out: Path, kills: int, chance: random.Random, found: Found
) -> None:
    before: Trials = {}
    while True:
        wanted = found.kills < kills
        watch = restlessly(chance.getrandbits(32), DISTURBED)
        alive, stored, in_commit = _life(model, out, _moment(chance) if wanted else None, watch)
        found.lives += 1
        found.kills += alive
        found.in_commit += in_commit
        now = trials(out)
        more = list(told_too_many(before, now, WAVES))
        found.twice += len(more)
        found.examples = found.examples or more
        _compare(_waves(before), _waves(now), stored, found)
        before = now
        if not alive:
            break
    numbers = _numbers(out)
    found.twice += sum(count - 1 for count in numbers.values())
    found.disturbed += sum(len(disturbed_of(row.waves)) for row in before.values())
    few = any(len(row.waves) < WAVES for row in before.values())
    missing = {(size, number) for size in NAMES for number in range(WAVES)} - numbers.keys()
    if few or missing or len(before) < TRIALS:
        found.unfinished.append(out.name)


def _compare(before: Waves, now: Waves, stored: int, found: Found) -> None:
    found.changed += sum(now.get(key) != started for key, started in before.items())
    found.lost += max(0, stored - len({wave for _, wave in now.keys() - before.keys()}))


@dataclass(frozen=True)
class Moment:
    """So many seconds after a life began; or after so many commits and seconds, within the next."""

    seconds: float
    commits: int | None = None


def _moment(chance: random.Random) -> Moment:
    if chance.random() < 0.5:
        return Moment(chance.uniform(0, 1.2))
    return Moment(chance.uniform(0, 0.004), commits=chance.randrange(6))


def _life(
    model: ExportedModel, out: Path, moment: Moment | None, watch: Watching
) -> tuple[bool, int, bool]:
    """Whether it was killed, how many waves it reported as stored, and whether a commit was under
    way."""
    told, telling = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _report_commits(lambda mark: os.write(telling, mark))
        code = 1
        try:
            settings = fill(SweepSettings, SETTINGS)
            sweep.sweep([model], settings, out, launch=launch_in_process, watch=watch)
            code = 0
        finally:
            os._exit(code)
    os.close(telling)
    marks = _kill_at(pid, told, moment)
    os.close(told)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
    ended = marks.count(b"d") + marks.count(b"w")
    return os.WIFSIGNALED(status), marks.count(b"w"), marks.count(b"c") > ended


def _kill_at(pid: int, told: int, moment: Moment | None) -> bytes:
    """The marks of its commits: ``c`` before each, and after it ``w`` for a wave or ``d``."""
    marks = b""
    end_s = None if moment is None or moment.commits is not None else _in(moment.seconds)
    while True:
        left_s = None if end_s is None else max(0.0, end_s - time.monotonic())
        if not select.select([told], [], [], left_s)[0]:
            os.kill(pid, signal.SIGKILL)
            end_s, moment = None, None
            continue
        if not (more := os.read(told, 4096)):
            return marks
        marks += more
        begun = marks.count(b"c")
        if moment is not None and end_s is None and begun > (moment.commits or 0):
            end_s = _in(moment.seconds)


def _in(seconds: float) -> float:
    return time.monotonic() + seconds


def _waves(trials: Trials) -> Waves:
    return {
        (identity, wave): next(iter(rounds.values()))[0].started_ns
        for identity, row in trials.items()
        for wave, rounds in row.waves.items()
    }


def _numbers(out: Path) -> Counter[tuple[str, int]]:
    """How often each size of a finished sweep has a wave of each number."""
    with closing(sqlite3.connect(out / sweep.RESULTS)) as connection:
        return Counter(connection.execute("SELECT size, number FROM wave").fetchall())


def _report_commits(report: Callable[[bytes], object]) -> None:
    commit, known = database.commit, -1

    def reported(connection: Any, path: Path, remark: database.Remark | None) -> None:
        nonlocal known
        before, (known,) = known, connection.execute("SELECT count(*) FROM wave").fetchone()
        grew = before >= 0 and known > before  # the first commit of a life is that of its run
        report(b"c")
        commit(connection, path, remark)
        report(b"w" if grew else b"d")

    database.commit = reported


def _live_here() -> None:
    """No pause, and no process of its own for a build."""

    def run_here(target: str, arguments: dict[str, Any], **limits: object) -> Any:
        del limits
        module, _, name = target.partition(":")
        return getattr(importlib.import_module(module), name)(**arguments)

    setattr(cache, "run_in_child", run_here)  # noqa: B010 - not ours to declare
    patient = {name: getattr(time, name) for name in dir(time) if not name.startswith("_")}
    quick = SimpleNamespace(**patient | {"sleep": lambda _: None})
    setattr(harness, "time", quick)  # noqa: B010


if __name__ == "__main__":
    where, count, number = sys.argv[1:]
    sys.stdout.write(json.dumps(vars(main(Path(where), int(count), int(number)))))
