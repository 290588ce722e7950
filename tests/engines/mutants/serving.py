"""Hostile files, each in a process of its own, which may die of it: forked by one that has imported
all libraries, and watched from outside for what it opens."""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.opened import Canaries, Opens
from tests.watched import can_trace

Say = Callable[..., None]
Task = dict[str, Any]
ROOT = Path(__file__).parents[3]
CANARY = b"canary! " * 64
_MEMORY_BYTES = 6 * 2**30
_PATIENCE_S = {"parent": 60.0, "child": 30.0, "judge": 60.0}
"""How long a stage may last: what hangs in sizewise itself is a failure, so it is given longer."""
_SYSTEM = (
    *("/usr/", "/lib/", "/lib64/", "/sys/", "/proc/", "/dev/null", "/dev/urandom", "/dev/shm/"),
    *("/etc/ld.so.cache", "/etc/localtime"),
)
_IMPORTED = "imported"
_ELSEWHERE = ("SIZEWISE_KEY_FILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
_NEVER = ("/mem", "/environ", "/kcore", "/fd/0")


class Scratch:
    """The folders of a campaign in an empty ``folder``: models, each in one of its own, and files
    beside and above them that nobody may open."""

    def __init__(self, folder: Path) -> None:
        folder = folder.resolve()
        self.home, self.models, self.outside = (
            folder / name for name in ("home", "models", "outside")
        )
        self.told = folder / "told"
        inner = self.outside / "inner"
        self.temporary = self.home / "tmp"
        for made in (self.temporary, self.models, inner):
            made.mkdir(parents=True)
        above = (self.models, self.outside, inner, folder)
        self.canaries = [one / "weights.bin" for one in above]
        for file in self.canaries:
            file.write_bytes(CANARY)

    def place(self, number: int) -> str:
        return str(self.models / str(number))

    def alien(self, paths: Iterable[str], place: str) -> list[str]:
        """Those of ``paths`` that are neither the model's at ``place`` nor of the software's."""
        ours = (place, str(self.home), str(ROOT), sys.prefix, sys.base_prefix, *_SYSTEM)
        return sorted(
            path
            for path in {*paths}
            if path.startswith("/") and (not path.startswith(ours) or path.endswith(_NEVER))
        )


def answers(
    program: str, tasks: Iterable[Task], scratch: Scratch, *, trace: bool
) -> Iterator[Task]:
    """What became of each of ``tasks``, one after another, in forks of a process that runs the
    Python ``program``. ``outside`` are the files that it opened and should not have, ``traced``
    says whether all opens were seen, and not those of the canaries alone: where that is wanted
    (``trace``, it takes time) and strace is here."""
    opens = Opens(scratch.told) if trace and can_trace() else None
    command = [*(opens.command if opens else ()), sys.executable, "-c", program]
    inherited = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    places = {"HOME": str(scratch.home), "TMPDIR": str(scratch.temporary)}
    environment = inherited | {"PYTHONPATH": str(ROOT)} | places
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=environment,
        ) as server,
        closing(Canaries(scratch.canaries)) as canaries,
    ):
        assert server.stdin
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        if opens:
            opens.further()
        for task in tasks:
            server.stdin.write(json.dumps(task) + "\n")
            server.stdin.flush()
            answer = json.loads(server.stdout.readline())
            aliens = scratch.alien(opens.further() if opens else (), task["folder"])
            outside = [*canaries.touched(), *aliens]
            yield task | answer | {"outside": outside, "traced": opens is not None}
            for left in scratch.models.glob(f"{Path(task['folder']).name}*"):
                shutil.rmtree(left, ignore_errors=True)
        server.stdin.close()


def serve(go_through: Callable[[Task, Say], None]) -> None:
    """Answer each line of standard input, a task as JSON, with a line of what became of it.

    ``go_through`` says the ``stage`` (parent: what sizewise does of itself) and the ``outcome``.
    One that ends without an outcome has died or hung.
    """
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        answer = _forked(go_through, json.loads(line))
        for name in answer.pop(_IMPORTED, ()):
            with suppress(Exception):  # each fork would import it again
                import_module(name)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _forked(go_through: Callable[[Task, Say], None], task: Task) -> Task:
    ours, theirs = os.pipe()
    if (process := os.fork()) == 0:
        os.close(ours)
        _become(go_through, task, theirs)
    os.close(theirs)
    known: Task = {"outcome": "nothing", "stage": "parent"}
    in_time = _heard(ours, known)
    os.close(ours)
    if not in_time:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    if known["outcome"] == "nothing":
        ended = "died" if in_time else "hung"
        known |= {"outcome": ended, "why": f"status {status}"}
    return known


def _heard(pipe: int, known: Task) -> bool:
    """Take all that the process says into ``known``; whether each stage ended in time."""
    said, since_s = b"", time.monotonic()
    while True:
        left_s = since_s + _PATIENCE_S[known["stage"]] - time.monotonic()
        if left_s <= 0 or not select.select([pipe], [], [], left_s)[0]:
            return False
        if not (more := os.read(pipe, 65536)):
            return True
        *lines, said = (said + more).split(b"\n")
        for line in lines:
            known.update(json.loads(line))
            since_s = time.monotonic()


def _become(go_through: Callable[[Task, Say], None], task: Task, pipe: int) -> None:
    """Go through with the task, and end this process."""
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        with Path(os.devnull).open("w") as null:
            os.dup2(null.fileno(), 1)
            os.dup2(null.fileno(), 2)
        before = {*sys.modules}
        go_through(task, lambda **said: _write(pipe, said))
        _write(pipe, {_IMPORTED: sorted(sys.modules.keys() - before)})
        code = 0
    finally:
        os._exit(code)


def _write(pipe: int, said: Mapping[str, Any]) -> None:
    os.write(pipe, (json.dumps(said) + "\n").encode())
