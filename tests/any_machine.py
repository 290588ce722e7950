"""Run ``make test`` with one property of the machine changed: tests must pass on every machine.

``CONDITION`` names the property, and its value follows from ``SEED``; what is absent is drawn.
Only the standard library is used, because this runs before anything is installed.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCALES: tuple[Mapping[str, str], ...] = (
    {"LANG": "C", "LC_ALL": ""},
    {"LANG": "C", "LC_ALL": "C"},
    {"LANG": "POSIX", "LC_ALL": "POSIX"},
)
TIME_ZONES = ("NPT-5:45", "NST3:30NDT,M3.2.0,M11.1.0", "LINT-14", "AOE12")
"""In POSIX form: a zone's name means UTC where the machine has no table of zones."""
FOLDERS = ("with spaces", "größe 测试", "имя (1)")
LEFT_BEHIND = (".git", ".venv", ".*_cache", ".hypothesis", ".benchmarks", "__pycache__", "runs")
"""What a copy is without: history, and what a clean checkout has not."""


@dataclass(frozen=True)
class Change:
    """What differs from the machine as it is. A copy of the tree is tested in ``folder``."""

    description: str
    environment: Mapping[str, str] = field(default_factory=dict)
    pytest_options: tuple[str, ...] = ()
    folder: str | None = None


def _order(draw: random.Random) -> Change:
    options = ("-p", "randomly", f"--randomly-seed={draw.getrandbits(32)}")
    return Change(f"tests in random order, {options[-1]}", pytest_options=options)


def _locale(draw: random.Random) -> Change:
    chosen = draw.choice(LOCALES)
    return Change(" ".join(f"{name}={value}" for name, value in chosen.items()), chosen)


def _time_zone(draw: random.Random) -> Change:
    zone = draw.choice(TIME_ZONES)
    return Change(f"TZ={zone}", {"TZ": zone})


def _folder(draw: random.Random) -> Change:
    name = draw.choice(FOLDERS)
    return Change(f"a copy in a folder named {name!a}", folder=name)


CONDITIONS: Mapping[str, Callable[[random.Random], Change]] = {
    "order": _order,
    "locale": _locale,
    "time_zone": _time_zone,
    "folder": _folder,
}


@dataclass(frozen=True)
class Chosen:
    """A condition, and the seed that its value follows from."""

    condition: str
    seed: int

    @property
    def change(self) -> Change:
        return CONDITIONS[self.condition](random.Random(self.seed))

    @property
    def command(self) -> tuple[str, ...]:
        """With hypothesis' seed, too, so that all that was random can be repeated."""
        options = (*self.change.pytest_options, f"--hypothesis-seed={self.seed}")
        return ("make", "test", f"PYTEST_OPTIONS={' '.join(options)}")

    def __str__(self) -> str:
        again = f"CONDITION={self.condition} SEED={self.seed} .ci/run"
        return f"Condition: {self.condition} ({self.change.description}). Repeat with: {again}"


def choose(environment: Mapping[str, str]) -> Chosen:
    """By ``CONDITION`` and ``SEED``, each drawn where absent or empty. Raises ValueError."""
    condition = environment.get("CONDITION") or random.choice(list(CONDITIONS))
    if condition not in CONDITIONS:
        known = ", ".join(CONDITIONS)
        raise ValueError(f"There is no CONDITION {condition!a}. Choose from: {known}.")
    seed = environment.get("SEED") or str(random.getrandbits(32))
    if not (seed.isascii() and seed.isdigit()):
        raise ValueError(f"SEED is {seed!a}. Use a number, 0 or above.")
    return Chosen(condition, int(seed))


@contextmanager
def workplace(root: Path, change: Change) -> Iterator[tuple[Path, dict[str, str]]]:
    """Where the tests run, and their environment. It is ``root`` itself, or a copy whose ``.venv``
    is made there, because an installation holds its folder's name."""
    environment = os.environ | dict(change.environment)
    if change.folder is None:
        yield root, environment
        return
    with tempfile.TemporaryDirectory() as temporary:
        copy, scratch = (Path(temporary, change.folder, name) for name in ("sizewise", "tmp"))
        shutil.copytree(root, copy, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
        scratch.mkdir()
        Path(temporary).chmod(0o755)
        scratch.chmod(0o1777)  # for all users, as temporary folders are
        yield copy, environment | {"TMPDIR": str(scratch)}


def run(chosen: Chosen, root: Path = ROOT) -> int:
    """The exit code of the tests. The condition is printed before and after them."""
    _say(str(chosen))
    with workplace(root, chosen.change) as (place, environment):
        code = subprocess.run(chosen.command, cwd=place, env=environment, check=False).returncode
    _say(str(chosen))
    return code


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    try:
        chosen = choose(os.environ)
    except ValueError as error:
        _say(str(error))
        return 2
    return run(chosen)


if __name__ == "__main__":
    sys.exit(main())
