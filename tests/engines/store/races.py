"""Processes race for one engine while some of them are killed, and what came of it.

``python -m tests.engines.store.races FOLDER KEYS PROCESSES SEED`` prints what it found as JSON.
Each process is a fork, in which builds happen: so a key takes milliseconds and not minutes. In a
third of the races a damaged engine lies there, in another a draft of a builder that died.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engines.backends.fake import FakeOptions
from engines.store import cache
from engines.store.cache import obtain_engine
from engines.store.finding import find
from engines.store.names import new_draft
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel
from tests.engines.nets import write_net
from tests.engines.store.requests import SPEC, request_of

KILLED = 0.25
"""Of the processes of a race, at most."""


@dataclass
class Found:
    """``failed`` are processes that lived and got no whole engine; ``twice`` are builds beside the
    first that no kill explains, ``overlapping`` those that began while another one went on;
    ``left`` are races after which a draft lay there."""

    races: int = 0
    kills: int = 0
    builds: int = 0
    failed: int = 0
    twice: int = 0
    overlapping: int = 0
    left: int = 0


@dataclass(frozen=True)
class Track:
    """Where how many processes race, for engines of what, and when they are killed."""

    model: ExportedModel
    folder: Path
    processes: int
    chance: random.Random

    @property
    def engines(self) -> Path:
        return self.folder / "engines"


def main(folder: Path, keys: int, processes: int, seed: int) -> Found:
    """Race for so many keys."""
    folder.mkdir(parents=True, exist_ok=True)
    found = Found()
    track = Track(write_net(folder / "net.onnx"), folder, processes, random.Random(seed))
    setattr(cache, "run_in_child", build_here(folder))  # noqa: B010 - not ours to declare
    for number in range(keys):
        _race(track, replace(SPEC, options=FakeOptions(seed=number)), found)
    return found


def build_here(folder: Path) -> Any:
    """A stand-in for the child: it builds, and logs each build's begin and end."""

    def run_here(target: str, arguments: dict[str, Any], **limits: object) -> Any:
        del limits
        with (folder / "building").open("w") as alone:
            try:
                fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _log(folder, "o")
            _log(folder, "b")
            alone.write(str(os.getpid()))
            alone.flush()
            time.sleep(random.uniform(0, 0.02))
            module, _, name = target.partition(":")
            getattr(importlib.import_module(module), name)(**arguments)
            time.sleep(random.uniform(0, 0.005))

    return run_here


def _log(folder: Path, mark: str) -> None:
    with (folder / "log").open("a") as log:
        log.write(mark)


def _race(track: Track, spec: EngineSpec, found: Found) -> None:
    request = request_of(track.model, spec)
    home, log = track.engines / request.name, track.folder / "log"
    _prepare(track, spec, home)
    log.write_text("")
    start, started = os.pipe()
    pids = [_fork(track, spec, (start, started)) for _ in range(track.processes)]
    os.close(start)
    os.close(started)  # they all begin now
    killed = _kill(pids, track)
    statuses = {pid: os.waitpid(pid, 0)[1] for pid in pids}
    died = sum(os.WIFSIGNALED(status) for status in statuses.values())
    builds = log.read_text().count("b")
    found.races += 1
    found.kills += died
    found.builds += builds
    found.failed += sum(status != 0 for pid, status in statuses.items() if pid not in killed)
    found.failed += not isinstance(find(home, request), EngineArtifact)
    found.twice += max(0, builds - 1 - died)
    found.overlapping += log.read_text().count("o")
    found.left += any(".draft-" in path.name for path in track.engines.iterdir())


def _prepare(track: Track, spec: EngineSpec, home: Path) -> None:
    if (case := track.chance.randrange(3)) == 0:
        obtain_engine(track.model, spec, home.parent)
        (home / "engine.txt").write_text("damaged", encoding="utf-8")
    elif case == 1:
        new_draft(home).mkdir(parents=True)


def _fork(track: Track, spec: EngineSpec, start: tuple[int, int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        random.seed(os.getpid())
        os.close(start[1])
        os.read(start[0], 1)
        artifact = obtain_engine(track.model, spec, track.engines)
        whole = find(artifact.path, request_of(track.model, spec))
        code = 0 if isinstance(whole, EngineArtifact) else 1
    finally:
        os._exit(code)


def _kill(pids: list[int], track: Track) -> set[int]:
    """Kill some, at moments in which they wait, build or have ended; half of them as builders."""
    chance, building = track.chance, track.folder / "building"
    killed: set[int] = set()
    for victim in chance.sample(pids, chance.randint(0, round(KILLED * len(pids)))):
        time.sleep(chance.uniform(0, 0.05))
        builder = int(building.read_text() or 0) if building.exists() else 0
        found = builder if chance.random() < 0.5 and builder in pids else victim
        os.kill(found, signal.SIGKILL)
        killed.add(found)
    return killed


if __name__ == "__main__":
    where, *numbers = sys.argv[1:]
    sys.stdout.write(json.dumps(vars(main(Path(where), *map(int, numbers)))))
