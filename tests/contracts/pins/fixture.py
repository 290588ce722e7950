"""The files that an earlier sizewise made (``made/README.md``), and the machine it ran on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.journal.store import Store
from engines.base import this_machine
from engines.registry import find_backend
from engines.store.signing import KEY_FILE
from sizewise.core.machine import environment
from sizewise.core.machine.environment import Environment, Processor
from sizewise.core.trials import Run

MADE = Path(__file__).with_name("made")
MADE_IN = "/home/user/made"
"""Where the files stood when they were made: the JSON holds absolute paths."""
STATIC = "onnxruntime-static-64x64-f4a39f9873"
OPENVINO = "openvino-static-64x64-5fcf43c080"
SIGNED = "torch_eager-dynamic-64x64-0d981f822c"
ENGINES = (STATIC, OPENVINO, SIGNED)


def copy_made(folder: Path) -> Path:
    """A copy to work in. The signed engine's program, which is the export's, is put in place."""
    made = folder / "made"
    shutil.copytree(MADE, made)
    shutil.copyfile(made / "out" / "yolov3-tiny.pt2", made / "out/engines" / SIGNED / "engine.pt2")
    (made / "key").chmod(0o600)
    return made


def filed_run() -> Run:
    with Store.open(MADE / "out" / "results.sqlite", read_only=True) as store:
        (run,) = store.runs()
    return run


@contextmanager
def at_home(made: Path) -> Iterator[Environment]:
    """As if this were the machine, the folder and the user of ``made``."""
    run = filed_run()
    versions = {r.trial.spec.backend: r.trial.backend_version for r in run.results}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        patch.setenv(KEY_FILE, str(made / "key"))
        _pretend(patch, run.environment)
        for name, version in versions.items():
            patch.setattr(type(find_backend(name)), "version", lambda _, said=version: said)
        this_machine.cache_clear()
        try:
            yield run.environment
        finally:
            this_machine.cache_clear()


def _pretend(patch: pytest.MonkeyPatch, there: Environment) -> None:
    """What ``read_environment`` asks answers as ``there``; who imported it by name sees it, too."""
    system, machine = there.system.split()
    platform = SimpleNamespace(
        python_version=lambda: there.python,
        system=lambda: system,
        machine=lambda: machine,
        release=lambda: there.kernel,
    )
    patch.setattr(environment, "platform", platform)
    patch.setattr(environment, "__version__", there.sizewise)
    processor = Processor(name=there.cpu, model="", flags=there.cpu_flags, microcode="")
    patch.setattr(environment, "read_processor", lambda: processor)
    patch.setattr(environment, "_memory_bytes", lambda: there.memory_bytes)
    patch.setattr(environment, "nvidia_devices", lambda: there.devices)
    patch.setattr(environment, "installed_versions", lambda: there.packages)
    # Not usable_cores, which others import by name: what it asks.
    cores = set(range(there.cores))
    patch.setattr(os, "sched_getaffinity", lambda _: cores, raising=False)


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of every file: what was written again has others."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
