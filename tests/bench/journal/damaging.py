"""Damages a results file at random, and holds what is read and saved of it against what it held.

``python -m tests.bench.journal.damaging CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.journal.store import Store
from bench.waves.measured import Wave
from sizewise.core.errors import DamagedRecordError, SizewiseError
from sizewise.core.trials import Result
from sizewise.pipeline.records.results import results
from tests.attempts import Found, main
from tests.bench.factories import trial, turns, waves
from tests.bench.journal.files import ACCURACY, TIMEOUT, filed

Held = Mapping[str, Result]
PAGE = 4096


def many_waves(folder: Path) -> Path:
    """A file of some twenty pages: two runs, seven trials, and no two samples alike."""
    chance = np.random.default_rng(0)

    def distinct(wave: Wave) -> Wave:
        members = tuple(
            replace(
                one,
                turns=turns(chance.integers(10**6, 10**8, (2, 30)).astype(float), wave.number, 0),
            )
            for one in wave.members
        )
        return replace(wave, members=members)

    sides = {side: [trial(n, side) for n in range(3)] for side in (320, 416)}
    zeros = np.zeros((4, 2, 30))
    measured = [wave for trials in sides.values() for wave in waves(zeros, *trials)]
    path = filed(folder, *map(distinct, measured))
    with Store.open(path) as store:
        for number, one in enumerate(sides[320] + sides[416]):
            evidence = bytes([number]) * 300
            store.add_accuracy(1, one, replace(ACCURACY, ap=number / 10, evidence=evidence))
        store.note(1, trial(9), TIMEOUT)
    return filed(folder, *map(distinct, waves(zeros[:2], *sides[320])))


def _other_bytes(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 3, 12))):
        place = chance.randrange(len(content))
        wrong = chance.randbytes(chance.choice((1, 2, 8)))
        content[place : place + len(wrong)] = wrong[: len(content) - place]


def _flipped_bit(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _lost_sectors(content: bytearray, chance: random.Random) -> None:
    length = chance.choice((512, PAGE))
    place = chance.randrange(len(content) // length) * length
    content[place : place + length] = chance.choice((bytes(length), chance.randbytes(length)))


def _exchanged_pages(content: bytearray, chance: random.Random) -> None:
    one, other = (PAGE * n for n in chance.sample(range(len(content) // PAGE), 2))
    first, second = content[one : one + PAGE], content[other : other + PAGE]
    content[one : one + PAGE], content[other : other + PAGE] = second, first


def _cut_off(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(1, len(content)) :]


KINDS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    *(_other_bytes, _other_bytes, _flipped_bit),
    *(_lost_sectors, _exchanged_pages, _cut_off),
)


def campaign(cases: int, seed: int, folder: Path) -> Found:
    """Damage so many copies of one file, one after another."""
    whole = many_waves(folder)
    content, before = whole.read_bytes(), _results(whole)
    found = Found()
    for number in range(cases):
        chance = random.Random(f"{seed} {number}")
        damaged = bytearray(content)
        chance.choice(KINDS)(damaged, chance)
        for left in folder.glob(f"{whole.name}-*"):  # where it seemed to be in WAL mode
            left.unlink()
        whole.write_bytes(damaged)
        found.take(number, lambda: _outcome(whole, before))
    return found


def _outcome(path: Path, before: Held) -> str:
    """What became of a damaged file. Raises AssertionError where a figure is another."""
    refusals = [_refusal(path, before, read_only=each) for each in (True, False)]
    saved = path.with_name("saved.sqlite")
    saved.unlink(missing_ok=True)
    try:
        told = results(path, salvage=saved)
    except SizewiseError:
        assert refusals[0] is not None, "a file that is read can't be saved"
        return "nothing can be read"
    after = _results(saved)
    assert all(_is_part(one, before[identity]) for identity, one in after.items())
    if refusals[0] is None:
        assert after == before, "a part of a file that is read is not saved"
    elif isinstance(refusals[0], DamagedRecordError):
        assert "--salvage" in refusals[0].todo, "it does not say that a part can be saved"
    if not told.held.damage:
        return "read as it was"
    return "all was saved" if after == before else "a part was saved"


def _refusal(path: Path, before: Held, *, read_only: bool) -> SizewiseError | None:
    """Why a file is not read; a sweep asks in the same way what it need not measure."""
    try:
        with Store.open(path, read_only=read_only) as store:
            assert store.results() == before, "other figures are read"
    except SizewiseError as error:
        return error
    return None


def _results(path: Path) -> Held:
    with Store.open(path, read_only=True) as store:
        return dict(store.results())


def _is_part(found: Result, before: Result) -> bool:
    """Whether nothing stands in a result that was not there."""
    many = ("blocks", "first_calls", "memory", "parts", "end_to_end")
    nothing: dict[str, Any] = {"accuracy": None, **dict.fromkeys(many, ())}
    return (
        replace(found, **nothing) == replace(before, **nothing)
        and found.accuracy in (None, before.accuracy)
        and all(one in getattr(before, name) for name in many for one in getattr(found, name))
    )


if __name__ == "__main__":
    main(campaign)
