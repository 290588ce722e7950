"""Processes that race for an engine. Each is a fork, in which builds happen: so a key takes
milliseconds and not minutes."""

from __future__ import annotations

import fcntl
import importlib
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.store.cache import obtain_engine
from engines.store.finding import find
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel
from tests.engines.store.requests import request_of

KILLED = 0.25
"""Of the processes of a race, at most."""


@dataclass(frozen=True)
class Track:
    """Where how many processes race, and when they are killed."""

    model: ExportedModel
    folder: Path
    processes: int
    chance: random.Random

    @property
    def engines(self) -> Path:
        return self.folder / "engines"


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
            alone.seek(0)
            alone.truncate()

    return run_here


def _log(folder: Path, mark: str) -> None:
    with (folder / "log").open("a") as log:
        log.write(mark)


def fork(track: Track, spec: EngineSpec, start: tuple[int, int]) -> int:
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


def kill(pids: list[int], track: Track) -> set[int]:
    """Kill some, at moments in which they wait, build or have ended; half of them as builders."""
    chance = track.chance
    killed: set[int] = set()
    for victim in chance.sample(pids, chance.randint(0, round(KILLED * len(pids)))):
        builder = _builder(track.folder / "building") if chance.random() < 0.5 else 0
        time.sleep(chance.uniform(0, 0.02 if builder else 0.05))
        found = builder if builder in pids else victim
        os.kill(found, signal.SIGKILL)
        killed.add(found)
    return killed


def _builder(building: Path) -> int:
    """The number of the process that builds, as soon as one does; 0 where none begins."""
    for _ in range(100):
        if building.exists() and (text := building.read_text()):
            return int(text)
        time.sleep(0.002)
    return 0
