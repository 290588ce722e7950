"""Processes race for one engine while some of them are killed, and what came of it.

``python -m tests.engines.store.races CASES SEED [PROCESSES]`` prints what it found as JSON. In a
third of the races a damaged engine lies there, in another a draft of a builder that died.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from engines.backends.fake import FakeOptions
from engines.store import cache
from engines.store.cache import obtain_engine
from engines.store.finding import find
from engines.store.names import new_draft
from engines.store.signing import KEY_FILE
from sizewise.core.specs import EngineArtifact, EngineSpec
from tests.engines.nets import write_net
from tests.engines.store.racers import Track, build_here, fork, kill
from tests.engines.store.requests import SPEC, request_of

SCENES = ("a damaged engine", "a dead builder's draft", "nothing")


@dataclass
class Found:
    """``counts`` are of races, by what lay there, and of processes and builds in all of them."""

    cases: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Race:
    """How it ended: the processes that were ``killed`` and those that ``failed`` though they were
    not, whether the engine is there, and the ``log`` of builds (``b``, and ``o`` before one that
    began while another went on)."""

    died: int
    failed: int
    is_there: bool
    log: str
    drafts: int

    @property
    def builds(self) -> int:
        return self.log.count("b")

    def faults(self) -> Iterator[str]:
        """What must not be. Only a kill explains a second build."""
        if self.failed:
            yield f"{self.failed} processes lived and got no whole engine"
        if not self.is_there:
            yield "no whole engine is there"
        if self.builds < 1 or self.builds - 1 > self.died:
            yield f"it was built {self.builds} times, and {self.died} processes were killed"
        if overlapping := self.log.count("o"):
            yield f"{overlapping} builds began while another went on"
        if self.drafts:
            yield f"{self.drafts} drafts are left"


def campaign(cases: int, seed: int, folder: Path, processes: int = 16) -> Found:
    """Race so often, each time for another engine."""
    found = Found()
    model = write_net(folder / "net.onnx")
    setattr(cache, "run_in_child", build_here(folder))  # noqa: B010 - not ours to declare
    for number in range(cases):
        chance = random.Random(f"{seed} {number}")
        track = Track(model, folder, processes, chance)
        scene = SCENES[number % len(SCENES)]
        race = _race(track, replace(SPEC, options=FakeOptions(seed=number)), scene)
        found.cases += 1
        found.counts[f"races where there was {scene}"] += 1
        found.counts["builds"] += race.builds
        found.counts["builds that a kill ended"] += max(0, race.builds - 1)
        found.counts["processes that were killed"] += race.died
        found.counts["processes that got the engine"] += processes - race.died - race.failed
        found.violations += [f"case {number}: {fault}" for fault in race.faults()]
    return found


def _race(track: Track, spec: EngineSpec, scene: str) -> Race:
    request = request_of(track.model, spec)
    home, log = track.engines / request.name, track.folder / "log"
    _prepare(track, spec, home, scene)
    log.write_text("")
    start, started = os.pipe()
    pids = [fork(track, spec, (start, started)) for _ in range(track.processes)]
    os.close(start)
    os.close(started)  # they all begin now
    killed = kill(pids, track)
    statuses = {pid: os.waitpid(pid, 0)[1] for pid in pids}
    return Race(
        died=sum(os.WIFSIGNALED(status) for status in statuses.values()),
        failed=sum(status != 0 for pid, status in statuses.items() if pid not in killed),
        is_there=isinstance(find(home, request), EngineArtifact),
        log=log.read_text(),
        drafts=sum(".draft-" in path.name for path in track.engines.iterdir()),
    )


def _prepare(track: Track, spec: EngineSpec, home: Path, scene: str) -> None:
    if scene == SCENES[0]:
        obtain_engine(track.model, spec, home.parent)
        (home / "engine.txt").write_text("damaged", encoding="utf-8")
    elif scene == SCENES[1]:
        new_draft(home).mkdir(parents=True)


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        os.environ[KEY_FILE] = str(Path(scratch) / "key")
        cases, seed, *processes = map(int, sys.argv[1:])
        came = campaign(cases, seed, Path(scratch), *processes)
    sys.stdout.write(json.dumps(vars(came)))
