"""Kills real sweeps and builds by SIGKILL, and starts them again until their work is done.

``python -m tests.faults.kills CASES SEED`` prints what it found as JSON. Of three kills, two are at
a random moment of a life, and one is before or after a write, a flush or the end of the journal of
the results (within a commit), or a rename. Three are of one command, in one folder while it lives
long enough. ``tests.bench.kills`` has sweeps that cost less, for more kills.
"""

from __future__ import annotations

import random
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from bench.sweep import RESULTS
from tests.bench.onfile import moments_of
from tests.faults.disturbing import (
    Command,
    Place,
    Undisturbed,
    commands,
    ended_within,
    undisturbed,
)
from tests.faults.found import Found, main, together
from tests.faults.lives import KILL_AFTER, KILL_BEFORE, Fault, Operation

TOGETHER = 3
_COMMITS = ("write", "flush", "change")
_EARLIER = 0.7


@dataclass(frozen=True)
class Kill:
    """At a moment, as a share of an undisturbed life, or by a fault."""

    number: int
    moment: float
    fault: Fault | None = None

    def earlier(self) -> Kill:
        """For a life that ended before it."""
        if self.fault is None:
            return replace(self, moment=_EARLIER * self.moment)
        return replace(self, fault=replace(self.fault, nth=max(1, self.fault.nth // 2)))

    def what(self, command: Command) -> str:
        if self.fault is None:
            return f"of a {command.name} at a random moment"
        return f"of a {command.name} within a {'rename' if _is_rename(self.fault) else 'commit'}"


def _is_rename(fault: Fault) -> bool:
    return fault.op == "rename"


def campaign(cases: int, seed: int, folder: Path, *, at_once: int = 2) -> Found:
    """Kill so often. Lives beside each other only make rows disturbed, which are measured again as
    new waves."""
    typed = commands(folder)
    with ThreadPoolExecutor(at_once) as pool:
        places = (folder / f"undisturbed-{number}" for number in range(len(typed)))
        known = list(pool.map(undisturbed, typed, places))
        moments = moments_of(1.0, cases, seed)
        units = [range(first, min(first + TOGETHER, cases)) for first in range(0, cases, TOGETHER)]

        def kill(unit: range) -> Found:
            chance, which = random.Random(f"{seed} {unit.start}"), unit.start // TOGETHER
            command, life = typed[which % len(typed)], known[which % len(typed)]
            kills = [_kill(number, moments[number], life, chance) for number in unit]
            chance.shuffle(kills)
            return _Killing(command, life, folder / str(unit.start)).all(kills)

        return together(list(pool.map(kill, units)))


def _kill(number: int, moment: float, life: Undisturbed, chance: random.Random) -> Kill:
    if number % TOGETHER:
        return Kill(number, moment)
    renames = [one for one in life.operations if one[0] == "rename"]
    commits = [one for one in life.operations if _is_commit(one)]
    op, path = chance.choice(commits if commits and chance.random() < 0.7 else renames)
    nth = chance.randint(1, life.operations[op, path])
    action = chance.choice((KILL_BEFORE, KILL_AFTER))
    return Kill(number, moment, Fault(op=op, path=path, nth=nth, action=action))


def _is_commit(operation: Operation) -> bool:
    op, path = operation
    return op in _COMMITS and path in (RESULTS, f"{RESULTS}-journal")


class _Killing:
    """Kills of one command, in as many folders as it takes."""

    def __init__(self, command: Command, life: Undisturbed, folder: Path) -> None:
        self._command, self._known, self._folder = command, life, folder
        self._found = Found()

    def all(self, kills: list[Kill]) -> Found:
        for number in range(20 * len(kills)):
            if not kills:
                break
            place = Place(self._command, self._folder.with_name(f"{self._folder.name}-{number}"))
            try:
                self._in_one_folder(place, kills)
                place.forget()
            except Exception as error:  # noqa: BLE001 - whatever a reader of the remains meets
                at = kills.pop(0) if kills else None
                case = f"case {at.number} ({at})" if at else f"after case {self._folder.name}"
                self._found.violations.append(f"{case}: {type(error).__name__}: {error}")
        assert not kills, f"no life was long enough for {kills}"
        return self._found

    def _in_one_folder(self, place: Place, kills: list[Kill]) -> None:
        is_fresh = True
        while kills:
            life = place.live(kills[0].fault, lambda process: self._wait(process, kills[0]))
            if life.status != -signal.SIGKILL:
                place.expect_whole(life, self._known)
                if is_fresh:  # a whole life is shorter than it was
                    kills[0] = kills[0].earlier()
                return
            is_fresh = False
            self._found.count(kills.pop(0).what(self._command))
        place.expect_whole(place.live(), self._known)

    def _wait(self, process: subprocess.Popen[str], kill: Kill) -> None:
        if kill.fault is None and not ended_within(process, kill.moment * self._known.seconds):
            process.kill()


if __name__ == "__main__":
    main(campaign)
