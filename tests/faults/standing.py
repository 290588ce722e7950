"""What stands in the folder of a short run, and what must still stand there later."""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bench.journal.store import Store
from engines.store.contents import engine_sha256
from engines.store.manifest import read_manifest
from engines.store.names import kind_of
from sizewise.core.onnxfiles.model import sha256_of
from tests.netzoo.training.metrics import learned

_FILES = ("*.safetensors", "*.metrics.csv", "*.onnx", "*.pt2")
_PAIR = (".onnx", ".pt2")
Waves = Mapping[tuple[str, int], int]
"""Trial and number of its wave → when its first block started: measured again, it is another."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """``files`` are checkpoints and exports by name, with hash and inode; ``engines`` inodes by
    name, ``accuracies`` when and of what they are by trial, ``headings`` those of the report."""

    files: Mapping[str, tuple[str, int]]
    engines: Mapping[str, int]
    waves: Waves
    statuses: Mapping[str, str]
    accuracies: Mapping[str, bytes]
    report: tuple[str, ...]
    headings: tuple[str, ...]


def standing(folder: Path) -> Standing:
    """Read from a copy, so that the next life meets the files as the last left them. Raises
    AssertionError where something is not whole under its name."""
    out = folder / "out"
    files = {path.name: _stamp(path) for pattern in _FILES for path in out.glob(pattern)}
    engines = {}
    for path in out.glob("engines/*"):
        if kind_of(path) == "engine":
            artifact = read_manifest(path)
            assert engine_sha256(path) == artifact.sha256, f"{path.name} is torn"
            engines[path.name] = path.stat().st_ino
    with tempfile.TemporaryDirectory() as scratch:
        for path in out.glob("results.sqlite*"):
            shutil.copy(path, scratch)
        waves, statuses, accuracies = _results(Path(scratch) / "results.sqlite")
    return Standing(
        files=files,
        engines=engines,
        waves=waves,
        statuses=statuses,
        accuracies=accuracies,
        report=tuple(sorted(path.name for path in out.glob("report/[!.]*"))),
        headings=_report(out / "report"),
    )


def _stamp(path: Path) -> tuple[str, int]:
    """Of a training's steps, what is the same in every run of them."""
    told = hashlib.sha256(repr(learned(path)).encode()).hexdigest() if path.suffix == ".csv" else ""
    return told or sha256_of(path), path.stat().st_ino


def _results(path: Path) -> tuple[Waves, dict[str, str], dict[str, bytes]]:
    if not path.exists() or not path.stat().st_size:
        return {}, {}, {}
    with closing(sqlite3.connect(path)) as database:  # it undoes a half-done commit
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not database.execute("SELECT * FROM sqlite_master").fetchall():
            return {}, {}, {}
        rows = database.execute(
            "SELECT identity, wave.number, min(block.started_ns) FROM block"
            " JOIN trial ON trial_id = trial.id JOIN wave ON wave_id = wave.id"
            " GROUP BY trial_id, wave_id"
        ).fetchall()
    waves = {(identity, number): started for identity, number, started in rows}
    assert len(waves) == len(rows), "a wave was measured twice"
    with Store.open(path, read_only=True) as store:  # all sums are held
        results = store.results()
    statuses: dict[str, str] = {identity: one.status for identity, one in results.items()}
    accuracies = {
        identity: one.accuracy.evidence for identity, one in results.items() if one.accuracy
    }
    return waves, statuses, accuracies


def _report(folder: Path) -> tuple[str, ...]:
    """The headings of the report; every plot of it can be read."""
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            image.load()
    if not (folder / "report.md").exists():
        return ()
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text.endswith("\n"), "the report is torn"
    assert set(re.findall(r"\]\((\w+\.png)\)", text)) <= {p.name for p in folder.iterdir()}
    return tuple(line for line in text.splitlines() if line.startswith("## "))


def lost(before: Standing, after: Standing) -> Iterator[str]:
    """What was finished ``before`` and is not what stands there ``after``."""
    pair = {name for name in before.files if name.endswith(_PAIR)}
    halves = pair if len(pair) < len(_PAIR) else set()
    for name, stamp in before.files.items():
        made_again = after.files.get(name) != stamp
        if made_again and name not in halves and _was_finished(name, before):
            yield f"{name} was lost or made again"
    for what in ("engines", "waves", "accuracies"):
        first, second = getattr(before, what), getattr(after, what)
        for key, value in first.items():
            if second.get(key) != value:
                yield f"of {what}, {key} was lost or made again"


def _was_finished(name: str, before: Standing) -> bool:
    """The losses of a training are written before its checkpoint, which ends it."""
    return not name.endswith(".csv") or any(one.endswith(".safetensors") for one in before.files)


def different(after: Standing, whole: Standing) -> Iterator[str]:
    """In what a run that met a fault and was started again differs from one that met none."""
    for name in sorted(after.files.keys() | whole.files.keys()):
        if after.files.get(name, ("",))[0] != whole.files.get(name, ("",))[0]:
            yield f"{name} is another than without the fault"
    for what in ("statuses", "report", "headings"):
        if getattr(after, what) != getattr(whole, what):
            yield f"{what}: {getattr(after, what)}, not {getattr(whole, what)}"
    for what in ("engines", "waves", "accuracies"):
        missing = getattr(whole, what).keys() - getattr(after, what).keys()
        if missing:
            yield f"of {what}, {sorted(missing)} are missing"


def torn(faulted: Standing, whole: Standing) -> Iterator[str]:
    """Checkpoints and exports that have their names and are not whole."""
    for name, (digest, _) in faulted.files.items():
        if digest != whole.files.get(name, ("",))[0]:
            yield f"{name} is not what it should be, under its name"
