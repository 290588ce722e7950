"""A short run on disks that are full, fail or can only be read, and then the same command again.

``python -m tests.faults.disks CASES SEED`` lives so many cases at most, and prints what it found as
JSON; ``possible`` is the number of all that there are. Two are lived at a time.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults.choosing import Case, cases_of
from tests.faults.lives import Life
from tests.faults.ready import Ready
from tests.faults.short_run import MODULES, copy_without, run
from tests.faults.standing import Standing, different, lost, standing, torn

AT_A_TIME = 2
_SAID = {
    errno.ENOSPC: ("no space left on device", "disk is full"),
    errno.EIO: ("input/output error", "disk i/o error", "it does not say why"),
    errno.EROFS: ("read-only file system",),
}
_REFUSED = ("can't be written", "can't be kept")
_ROOM = ("free some space", "make room")
_UNEXPECTED = ("Traceback", "Something unexpected", "it went on for more than", "crashed")
_TRIES = 3


@dataclass(frozen=True)
class Came:
    """What came of a case: in a few words, and what of it must not be."""

    what: str
    violations: tuple[str, ...]


def came_of(case: Case, whole: Path, scratch: Path) -> Came:
    """Live a case in a copy of the finished run ``whole``, and what comes after it."""
    for _ in range(_TRIES):
        folder = scratch / "root"
        shutil.rmtree(folder, ignore_errors=True)
        copy_without(case.stage, whole, folder)
        before = standing(folder)
        life = run(_ready(whole.parent), folder, case.fault)
        if life.hit:
            break
        # Another number of them than before, as of rounds that something disturbed.
        done = life.operations.count((case.fault.op, case.fault.path))
        case = replace(case, fault=replace(case.fault, nth=max(1, done)))
    else:
        return Came("the run did less than that", ())
    found = [*_of_the_life(life, case, folder), *_of_the_next(case, folder, before, whole)]
    what = "one sentence, then whole" if life.status else "goes on, and is whole"
    return Came(what, tuple(found))


def _of_the_life(life: Life, case: Case, folder: Path) -> Iterator[str]:
    """What must not be in the life that met the fault."""
    yield from _never(life)
    if life.status == 0:
        # SQLite takes no notice where a folder can't be flushed after a journal was made in it.
        is_folder = case.fault.op == "flush" and (folder / case.fault.path).is_dir()
        if not is_folder and not _names(life.said, case):
            yield f"it went on without a word: {_end_of(life.said)}"
        return
    sentences = [line for line in life.said.splitlines() if line.startswith("sizewise: ")]
    if life.status != 1 or len(sentences) != 1:
        yield f"it ended with {life.status} and {len(sentences)} sentences: {_end_of(life.said)}"
        return
    (sentence,) = sentences
    about = _names(sentence, case) and any(words in sentence for words in _REFUSED)
    if not about or str(folder) not in sentence:
        yield f"the sentence is not about the disk: {sentence}"
    full = case.fault.action == errno.ENOSPC
    if full and not any(words in sentence.lower() for words in _ROOM):
        yield f"the sentence does not say what to do: {sentence}"


def _names(said: str, case: Case) -> bool:
    """Whether it says what the disk said."""
    return any(words in said.lower() for words in _SAID[case.fault.action])


def _of_the_next(case: Case, folder: Path, before: Standing, whole: Path) -> Iterator[str]:
    """What must not be in the same command without the fault, and in what it leaves."""
    undisturbed = standing(whole)
    try:
        faulted = standing(folder)
        yield from lost(before, faulted)
        yield from torn(faulted, undisturbed)
        again = run(_ready(whole.parent), folder)
        yield from _never(again)
        if again.status != 0:
            yield f"started again, it ended with {again.status}: {_end_of(again.said)}"
            return
        after = standing(folder)
        yield from lost(faulted, after)
        yield from different(after, undisturbed)
        yield from _left_behind(folder, case)
    except Exception as error:  # noqa: BLE001 - whatever can't be read is torn
        yield f"something is torn: {type(error).__name__}: {error}"


def _left_behind(folder: Path, case: Case) -> Iterator[str]:
    """Drafts and locks of engines; drafts of files, but where nothing could be removed."""
    kept = case.fault.action == errno.EROFS
    patterns = ("out/engines/.*", "out/results.sqlite-*", *(() if kept else ("out/**/.*.part",)))
    for pattern in patterns:
        for path in folder.glob(pattern):
            yield f"{path.name} was left behind"


def _never(life: Life) -> Iterator[str]:
    if life.survivors:
        yield f"{len(life.survivors)} processes went on: {life.survivors[0]}"
    for words in _UNEXPECTED:
        if words in life.said:
            yield f"it said {words!r}: {_end_of(life.said)}"


def _end_of(said: str) -> str:
    return " ".join(said.split())[-400:]


_made: list[Ready] = []


def _ready(folder: Path) -> Ready:
    """The ready process of this one, which keeps its own files below ``folder``."""
    if not _made:
        _made.append(Ready(MODULES, Path(tempfile.mkdtemp(dir=folder))))
    return _made[0]


def _undisturbed(whole: Path) -> list[Case]:
    """All cases of a run that is whole then, below ``whole``."""
    life = run(_ready(whole.parent), whole)
    assert life.status == 0, life.said
    return list(cases_of(life.operations))


def _lived(case: Case, whole: Path) -> Came:
    with tempfile.TemporaryDirectory(dir=whole.parent) as scratch:
        came = came_of(case, whole, Path(scratch))
    hidden = came.violations
    for folder in (str(whole.parent), sys.base_prefix):  # of this machine
        hidden = tuple(one.replace(folder, "") for one in hidden)
    return replace(came, violations=hidden)


def campaign(cases: int, seed: int, folder: Path) -> dict[str, object]:
    """Live so many cases at most, chosen by ``seed``."""
    whole = folder / "whole"
    with ProcessPoolExecutor(AT_A_TIME) as pool:
        possible = pool.submit(_undisturbed, whole).result()
        numbers = list(range(len(possible)))
        if cases < len(numbers):
            numbers = sorted(random.Random(seed).sample(numbers, cases))
        lived = pool.map(_lived, [possible[n] for n in numbers], [whole] * len(numbers))
        counts: Counter[str] = Counter()
        violations: list[str] = []
        for number, came in zip(numbers, lived, strict=True):
            counts[f"{possible[number].stage}: {came.what}"] += 1
            violations += [f"case {number}, {possible[number]}: {v}" for v in came.violations]
            _tell(number, possible, came)
    return {
        "cases": len(numbers),
        "possible": len(possible),
        "counts": dict(counts),
        "violations": violations,
    }


def _tell(number: int, possible: Sequence[Case], came: Came) -> None:
    """Where somebody watches, each case as it ends."""
    if os.environ.get("FAULTS_SAID"):
        sys.stderr.write(f"{number} {possible[number]}: {came.what} {came.violations}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        found = campaign(int(sys.argv[1]), int(sys.argv[2]), Path(where))
    sys.stdout.write(json.dumps(found))
