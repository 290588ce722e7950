"""Campaigns of mutants: what became of each, by seed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tests.engines.mutants.seeds import SEEDS

ROOT = Path(__file__).parents[3]
_PROGRAM = "from tests.engines.mutants.judging import serve; serve()"
GOOD = ("refused", "equal")
"""Everywhere. In a child, a mutant may also crash, hang and raise: that is one engine's failure."""


def tasks(folder: Path, first: int, backends: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Mutant after mutant, from the seed ``first`` on, through all models and back ends."""
    names = list(SEEDS)
    seed = first
    while True:
        backend = backends[(seed // len(names)) % len(backends)]
        at = {"folder": str(folder / str(seed)), "backend": backend}
        yield {"seed": seed, "model": names[seed % len(names)], **at}
        seed += 1


def outcomes(
    folder: Path, count: int, *, first: int = 0, backends: tuple[str, ...] = ("onnxruntime",)
) -> Iterator[dict[str, Any]]:
    """The outcome of each of ``count`` mutants: its task, ``changes``, ``stage`` (parent: what
    sizewise does of itself) and ``outcome`` (refused, equal, differs, untyped, died, hung)."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=environment,
    ) as server:
        assert server.stdin
        assert server.stdout
        for task in islice(tasks(folder, first, backends), count):
            server.stdin.write(json.dumps(task) + "\n")
            server.stdin.flush()
            yield task | json.loads(server.stdout.readline())
            shutil.rmtree(task["folder"], ignore_errors=True)
        server.stdin.close()


def is_violation(found: dict[str, Any]) -> bool:
    if found["stage"] == "parent":
        return bool(found["outcome"] not in GOOD)
    return bool(found["outcome"] == "differs")
