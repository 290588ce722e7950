"""Real commands that are disturbed in the middle of their lives, and what must hold afterwards."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench import sweep
from bench.journal.store import Store
from bench.running import ENGINES
from engines.store.contents import MANIFEST, engine_sha256
from engines.store.manifest import read_manifest
from engines.store.names import kind_of
from engines.store.signing import KEY_FILE
from sizewise.core.holding.locks import try_lock
from tests.bench.models import colours
from tests.bench.onfile import Finished, Trials, copied, finished, too_many, trials
from tests.faults.lives import Fault, Life, Operation, live

TIMEOUT_S = 60.0
"""Of a build and of each call: a process that is stopped for longer has not timed out."""
BENCH = """
models = [{model}]
[bench]
backends = {backends}
strategies = ["static"]
sizes = "32,64"
processes = {waves}
rounds = 1
threads = 1
block_s = 0.0
timeout_s = {timeout_s}
"""
_BAD = ("Traceback", "Exception ignored", "Something unexpected", "Fatal Python", "it went on for")
"""What no life says; the last is said of one that had to be ended."""
Meanwhile = Callable[["subprocess.Popen[str]"], object]
Built = dict[str, tuple[int, int]]
"""Engines by name → inode and time of their manifests: built again, they would be others."""


@dataclass(frozen=True)
class Command:
    """What is typed after ``sizewise``, but for the folder of ``--out``. A sweep has at least so
    many ``waves`` of each size."""

    words: tuple[str, ...]
    waves: int = 0

    @property
    def name(self) -> str:
        return self.words[0]


def commands(folder: Path) -> tuple[Command, ...]:
    """Sweeps and builds by turns, with the back ends that are installed, of a model in
    ``folder``: each starts about ten processes, since a life should take seconds."""
    model = colours(folder / "model.onnx").path
    here = [one for one in ("onnxruntime", "openvino") if importlib.util.find_spec(one)]
    first, last = (here or ["fake"])[0], (here or ["fake"])[-1]
    return (
        _bench(folder / "library.toml", model, first, waves=2),
        build(model, last),
        _bench(folder / "fake.toml", model, "fake", waves=1),
        build(model, first),
    )


def _bench(file: Path, model: Path, backend: str, *, waves: int) -> Command:
    named = {"model": json.dumps(str(model)), "backends": json.dumps([backend])}
    text = BENCH.format(**named, waves=waves, timeout_s=TIMEOUT_S)
    file.write_text(text, encoding="utf-8")
    return Command(("bench", str(file)), waves)


def build(model: Path, backend: str, sizes: str = "32,64") -> Command:
    """A build of static engines."""
    options = ("--strategy", "static", "--timeout-s", str(TIMEOUT_S))
    return Command(("build", str(model), "--backend", backend, "--sizes", sizes, *options))


@dataclass(frozen=True)
class Undisturbed:
    """What a life of a command does that nothing disturbs."""

    seconds: float
    operations: Counter[Operation]
    waves: AbstractSet[tuple[str, int]]
    engines: AbstractSet[str]


def undisturbed(command: Command, folder: Path) -> Undisturbed:
    """Live it once."""
    place = Place(command, folder)
    started_s = time.monotonic()
    life = place.live()
    seconds = time.monotonic() - started_s
    place.expect_whole(life)
    return Undisturbed(seconds, Counter(life.operations), place.waves.keys(), place.engines.keys())


@dataclass
class Place:
    """A folder in which a command lives, again and again, until its work is done. Methods raise
    AssertionError where one life broke what another had done."""

    command: Command
    folder: Path
    waves: Finished = field(default_factory=dict)
    engines: Built = field(default_factory=dict)
    _trials: Trials = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def temporary(self) -> Path:
        """The folder for what programs remove again."""
        return self.folder / "tmp"

    def live(self, fault: Fault | None = None, meanwhile: Meanwhile = lambda process: None) -> Life:
        """One life, after which all that was whole is there as it was, and nothing runs."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        # Signed as the user does it, by a key that all places share.
        own = {"TMPDIR": str(self.temporary), KEY_FILE: str(self.folder.parent / "key")}
        own["PYTHONFAULTHANDLER"] = "1"  # says where a process was that is aborted
        words = (*self.command.words, "--out", str(self.out))
        life = live(words, self.out, fault, meanwhile=meanwhile, variables=own)
        assert not life.survivors, f"these went on: {life.survivors}"
        for bad in _BAD:
            assert bad not in life.said, life.said[-4000:]
        self._look()
        return life

    def expect_whole(self, life: Life, known: Undisturbed | None = None) -> None:
        """The life ended well, and left what one does that nothing disturbed."""
        assert life.status == 0, f"exit status {life.status}: {life.said[-2000:]}"
        assert not self.drafts(), self.drafts()
        if self.command.name == "bench":
            with Store.open(self.out / sweep.RESULTS, read_only=True) as store:
                found = {one.status + one.reason for one in store.results().values()}
                assert found == {"ok"}, found
                assert not store.quarantined()
        if known:
            assert self.waves.keys() >= known.waves, "waves are missing"
            assert self.engines.keys() == known.engines, f"engines: {self.engines}"

    def drafts(self) -> list[str]:
        """What is neither an engine nor a result. A lock that its holder left is free."""
        found = self._hidden(), self.out.glob(f"{sweep.RESULTS}-*")
        return [path.name for paths in found for path in paths if not _is_free_lock(path)]

    def _hidden(self) -> Iterator[Path]:
        """All but the comparisons, which are kept beside their engines."""
        return (path for path in self.out.rglob(".*") if path.suffix != ".compared")

    def left(self) -> list[str]:
        """What a command that ends in order removes: drafts, locks, temporary files."""
        hidden = [*self._hidden(), *self.temporary.rglob("*")]
        return [path.name for path in hidden] + self.drafts()

    def _look(self) -> None:
        waves, engines = finished(self.out), self._whole_engines()
        lost = [key for key, started in self.waves.items() if waves.get(key) != started]
        assert not lost, f"waves that are lost or were measured again: {lost} of {self.waves}"
        anew = [name for name, stat in self.engines.items() if engines.get(name) != stat]
        assert not anew, f"engines that were built again: {anew}"
        with copied(self.out) as copy:
            found = trials(copy)
        assert not too_many(self._trials, found, self.command.waves), "more waves than were wanted"
        self.waves, self.engines, self._trials = waves, engines, found

    def _whole_engines(self) -> Built:
        home = self.out / ENGINES if self.command.name == "bench" else self.out
        found = {}
        for engine in home.glob("*") if home.exists() else ():
            kind = kind_of(engine)
            assert kind != "aside", f"{engine.name} was not used"
            if kind == "engine":  # whole from the first moment on
                assert read_manifest(engine).sha256 == engine_sha256(engine), engine.name
                stat = (engine / MANIFEST).stat()
                found[engine.name] = stat.st_ino, stat.st_mtime_ns
        return found

    def forget(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)


def _is_free_lock(path: Path) -> bool:
    """Of an engine, or of a draft that is gone: its writer was killed after the rename."""
    if kind_of(path) == "lock":
        return True
    if path.suffix != ".lock" or path.with_suffix(".part").exists():
        return False
    with path.open() as file:
        return try_lock(file.fileno())


def ended_within(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether a process ends within so many seconds; waits no longer."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return True
    return False
