"""Damages engines, manifests and timings, and watches what back ends are handed of them.

``python -m tests.engines.damaged.campaign CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from engines.store.signing import KEY_FILE
from tests.engines.damaged import judging, on_timings
from tests.engines.damaged.boundary import Boundary, watched
from tests.engines.damaged.cases import Case
from tests.engines.damaged.on_files import ON_FILES
from tests.engines.damaged.on_manifests import ON_MANIFESTS
from tests.engines.damaged.stock import Stock, make_stock
from tests.engines.damaged.swapped import SWAPPED

KINDS: tuple[Callable[[Case], None] | None, ...] = (
    *(*ON_FILES, *SWAPPED, *ON_MANIFESTS, *ON_MANIFESTS),
    *(None, None, None),  # timings
)
LONGEST_S = 60
"""Of a case, which takes a hundredth of a second: what takes longer waits for ever."""


@dataclass
class Found:
    """``violations`` are cases in which changed bytes reached a back end, or an error had no
    type; ``counts`` what became of the others."""

    cases: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def campaign(cases: int, seed: int, folder: Path, stock: Stock) -> Found:
    """Damage so many engines, one after another, of all back ends in turn."""
    found = Found()
    names = tuple(dict.fromkeys(entry.request.spec.backend for entry in stock.entries))
    with watched(names) as boundary:
        for number in range(cases):
            found.cases += 1
            scratch = folder / "case"
            scratch.mkdir()
            try:
                with _ended_in_time():
                    found.counts[_outcome(scratch, number, seed, stock, boundary)] += 1
            except AssertionError as error:
                found.violations.append(f"case {number}: {error}")
            except Exception as error:  # noqa: BLE001 - an error without a type is what we look for
                found.violations.append(f"case {number}: {type(error).__name__}: {error}")
            shutil.rmtree(scratch)
    return found


def _outcome(scratch: Path, number: int, seed: int, stock: Stock, boundary: Boundary) -> str:
    chance = random.Random(f"{seed} {number}")
    turn, which = divmod(number, len(KINDS))
    damage = KINDS[which]
    if damage is None:
        return on_timings.outcome(scratch, turn * KINDS.count(None) + which, chance)
    entry = stock.entries[number % len(stock.entries)]
    home, outside = scratch / "engines" / entry.name, scratch / "outside"
    shutil.copytree(entry.home, home)
    outside.mkdir()
    damage(Case(entry, stock, home, outside, turn, chance))
    try:
        by_path = {judging.by_path(way, home, stock, boundary) for way in judging.WAYS}
        by_name = judging.by_name(entry, home, boundary)
    except AssertionError as error:
        raise AssertionError(f"{damage.__name__} of {entry.name}: {error}") from error
    assert not (by_name == "taken" and by_path == {"refused"}), "taken by its name alone"
    return f"{by_name} by name, {' or '.join(sorted(by_path))} by path"


@contextmanager
def _ended_in_time() -> Iterator[None]:
    def late(*_: object) -> None:
        raise AssertionError("it waits for ever")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def main(cases: int, seed: int) -> Found:
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory()))
        os.environ[KEY_FILE] = str(folder / "our.key")
        stock = make_stock(folder)
        found = campaign(cases, seed, folder, stock)
    for name in stock.missing:
        found.counts[f"back end left out, as it is not installed ({name})"] = 1
    return found


if __name__ == "__main__":
    came = main(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(json.dumps(vars(came)))
