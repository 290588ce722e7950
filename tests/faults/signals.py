"""Sends signals to real sweeps and builds at random moments of their lives.

``python -m tests.faults.signals CASES SEED`` prints what it found as JSON. SIGTERM, SIGINT and
SIGHUP end a command in order, and the same command goes on. SIGSTOP stops it with its children, and
costs nothing. Each goes to the process alone or, as a terminal does it, to its whole group; some
come twice. One in five comes early in a life, while Python imports.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.onfile import moments_of
from tests.faults.disturbing import Command, Place, Undisturbed, commands, undisturbed
from tests.faults.found import Found, main, together
from tests.faults.sending import ENDING, KINDS, Case, heeding

_EARLY = 0.15
_EARLIER, _TRIES = 0.7, 6


def campaign(cases: int, seed: int, folder: Path, *, at_once: int = 2) -> Found:
    """Send so many signals."""
    typed, moments = commands(folder), moments_of(1.0, cases, seed)
    with heeding(), ThreadPoolExecutor(at_once) as pool:
        places = (folder / f"undisturbed-{number}" for number in range(len(typed)))
        known = list(pool.map(undisturbed, typed, places))

        def one(number: int) -> Found:
            which = number // 8 % len(typed)
            case = Case(
                number,
                KINDS[number % 4],
                to_group=number // 4 % 2 == 1,
                moment=moments[number] * (_EARLY if number % 5 == 4 else 1),
                chance=random.Random(f"{seed} {number}"),
            )
            return _found(case, typed[which], known[which], folder)

        return together(list(pool.map(one, range(cases))))


def _found(case: Case, command: Command, known: Undisturbed, folder: Path) -> Found:
    found = Found()
    try:
        for _ in range(_TRIES):  # a life may be shorter than it was
            place = Place(command, folder / f"{case.number}-{case.moment:.3f}")
            _one(case, place, known)
            place.forget()
            if case.sent:
                break
            case.moment *= _EARLIER
        assert case.sent, "no life was long enough, or it never listened"
        found.count(case.what(command))
    except Exception as error:  # noqa: BLE001 - whatever a reader of the remains meets
        what = f"case {case.number} ({case.what(command)} at {case.moment:.3f})"
        found.violations.append(f"{what}: {type(error).__name__}: {error}")
    return found


def _one(case: Case, place: Place, known: Undisturbed) -> None:
    life = place.live(meanwhile=lambda process: case.disturb(process, known.seconds))
    assert not case.late, (case.late, life.said[-2000:])
    if case.kind in ENDING and case.sent:
        case.expect_end(life, place)
        life = place.live()
    place.expect_whole(life, known)


if __name__ == "__main__":
    main(campaign)
