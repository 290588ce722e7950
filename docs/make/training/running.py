"""The trainings of an experiment, each by the commands ``train`` and ``evaluate``.

Each is done once and noted in runs/training/NAME/outcome.json; one that was interrupted goes on
where it was. A training has one core, and as many run beside each other as there are cores: so the
number of cores changes nothing but the time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from docs.make.method.records import now, origin
from docs.make.pages import HOUSE
from sizewise.cli import console
from sizewise.core.files import output_folder
from sizewise.core.machine.cores import allowed_cpus

OUT = HOUSE / "runs" / "training"
_OUTCOME = "outcome.json"
_SIZEWISE = (sys.executable, "-c", "from sizewise.cli import main; main()")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A training: ``arguments`` follow ``sizewise train``. A detector is evaluated on ``data``, by
    each ``--metric`` at its ``sizes``."""

    name: str
    arguments: tuple[str, ...]
    sizes: Mapping[str, str] = field(default_factory=dict)
    data: str = "digits"

    @property
    def folder(self) -> Path:
        return OUT / self.name

    @property
    def command(self) -> tuple[str, ...]:
        """Relative to the house."""
        return ("train", *self.arguments, "--out", str(self.folder.relative_to(HOUSE)))


def outcomes(asked: Iterable[Asked]) -> list[dict[str, Any]]:
    """What came of each, in this order; those that are missing are trained."""
    free: SimpleQueue[int] = SimpleQueue()
    cores = sorted(allowed_cpus())
    for core in cores:
        free.put(core)
    with ThreadPoolExecutor(len(cores)) as pool:
        return list(pool.map(lambda one: _outcome(one, free), asked))


def done(asked: Iterable[Asked]) -> list[dict[str, Any]]:
    """What came of those that are done already."""
    paths = (one.folder / _OUTCOME for one in asked)
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def _outcome(asked: Asked, free: SimpleQueue[int]) -> dict[str, Any]:
    path = asked.folder / _OUTCOME
    if not path.exists():
        core = free.get()
        try:
            found = _done(asked, core)
        finally:
            free.put(core)
        path.write_text(json.dumps(found), encoding="utf-8")
        console.remark(f"{asked.name} is trained and evaluated.")
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def _done(asked: Asked, core: int) -> dict[str, Any]:
    before, started, clock = origin(), now(), time.monotonic()
    output_folder(asked.folder)
    checkpoint = Path(_said(core, *asked.command)["checkpoint"])
    trained_s = time.monotonic() - clock
    scoring = {metric: _score(checkpoint, asked, metric) for metric in asked.sizes}
    metrics = HOUSE / checkpoint.with_suffix(".metrics.csv")
    return {
        "name": asked.name,
        "commands": [" ".join(("sizewise", *one)) for one in (asked.command, *scoring.values())],
        "started": started,
        "ended": now(),
        "train_s": round(trained_s),
        "origin": before,
        "evaluated": {metric: _said(core, *one)["rows"] for metric, one in scoring.items()},
        "losses": metrics.read_text(encoding="utf-8").splitlines(),
    }


def _score(checkpoint: Path, asked: Asked, metric: str) -> tuple[str, ...]:
    what = ("--data", asked.data, "--sizes", asked.sizes[metric], "--metric", metric)
    return ("evaluate", str(checkpoint), *what)


def _said(core: int, *command: str) -> Any:
    """The JSON that a command of sizewise prints, on one core. Raises CalledProcessError."""
    pinned = (shutil.which("taskset") or "taskset", "--cpu-list", str(core))
    with (OUT / "errors.log").open("a", encoding="utf-8") as errors:
        done = subprocess.run(
            (*pinned, *_SIZEWISE, *command, "--json"),
            cwd=HOUSE,
            env=os.environ | {"PYTHONPATH": str(HOUSE)},
            stdout=subprocess.PIPE,
            stderr=errors,
            check=True,
        )
    return json.loads(done.stdout)
