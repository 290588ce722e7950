"""Loads pickles that would run code, in every file and by every command that reads such files.

``python -m tests.netzoo.weights.pickles CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

import io
import pickle
import random
import shutil
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netzoo.weights.archives import _StorageReader
from sizewise.core.errors import SizewiseError
from tests.attempts import Found, main
from tests.netzoo.weights.gadgets import FORMS, GADGETS, PLACES, gadgets, pickled
from tests.netzoo.weights.programs import PROGRAMS, Parts, program
from tests.netzoo.weights.readers import (
    ARRAYS,
    BESIDE,
    COMMANDS,
    NAMES,
    OF_PROGRAMS,
    READERS,
    demand_refusal,
    write_others,
)

COMMANDS_A_CASE = 6
_KINDS = len(PLACES) + 1
_BROKEN = (pickle.UnpicklingError, TypeError, ValueError, IndexError, AttributeError)


def campaign(
    cases: int,
    seed: int,
    folder: Path,
    commands: int = COMMANDS_A_CASE,
    sound: Parts | None = None,
) -> Found:
    """One pickle a case, in one kind of file, which ``commands`` are given. All cases together go
    through all of them again and again. The program that is broken is ``sound``, if one is
    there."""
    found, sound = Found(), sound or program()
    for number in range(cases):
        own = folder / f"case-{number}"
        own.mkdir()
        one = Case(own, number, random.Random(f"{seed} {number}"), sound)
        found.take(number, lambda: one.outcome(commands))  # noqa: B023 - called at once
        shutil.rmtree(own)
    return found


class Case:
    """A pickle: its gadget is chosen by chance; its form and its kind of file by its number."""

    def __init__(self, folder: Path, number: int, chance: random.Random, sound: Parts) -> None:
        self._folder, self._number, self._canary = folder, number, folder / "canary"
        gadget = gadgets(self._canary)[chance.randrange(GADGETS)]
        self._pickle = pickled(gadget, FORMS[number // _KINDS % len(FORMS)])
        self._is_program = number % _KINDS == len(PLACES)
        if self._is_program:
            place = PROGRAMS[number // _KINDS % len(PROGRAMS)]
            self._content, kind = place(sound, self._pickle), f"a program, {place.__name__}"
        else:
            packed = PLACES[number % _KINDS]
            self._content, kind = packed(self._pickle), packed.__name__
        self._kind, self._name = kind, f"{kind}: {gadget[0]}.{gadget[1]}"

    def outcome(self, commands: int) -> str:
        """What came of it. Raises AssertionError where the pickle ran, or something was taken."""
        write_others(self._folder)
        for name in (*NAMES, *ARRAYS, BESIDE):
            (self._folder / name).write_bytes(self._content)
        for read, names in READERS:
            for name in names:
                with suppress(SizewiseError):
                    read(self._folder / name)
                self._demand_quiet(f"{read} of {name}")
        with suppress(*_BROKEN):
            _StorageReader(io.BytesIO(self._pickle)).load()
        self._demand_quiet("a look at its storages")
        start = self._number * commands % len(COMMANDS)
        # A program is built in a child, which takes some seconds.
        built = (OF_PROGRAMS,) if self._is_program and commands > 1 else ()
        for command in (*(COMMANDS * 2)[start : start + commands], *built):
            demand_refusal(self._folder, command)
            self._demand_quiet(f"sizewise {' '.join(command)}")
        return f"refused, {self._otherwise()}: {self._kind}"

    def _demand_quiet(self, what: str) -> None:
        assert not self._ran, f"{self._name} ran in {what}"

    @property
    def _ran(self) -> bool:
        return self._canary.is_symlink() or self._canary.exists()

    def _otherwise(self) -> str:
        """What the libraries make of the same file where they are told to trust it."""
        loads: tuple[Callable[[], Any], ...] = (
            lambda: torch.load(self._folder / "net.pt", weights_only=False),
            lambda: np.load(self._folder / "x.npy", allow_pickle=True)["arr_0"],
            lambda: torch.export.load(self._folder / "net.pt2"),
        )
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # some leave a file open
            for load in loads:
                with suppress(Exception):
                    load()
        return "and else it runs" if self._ran else "and else it does not run either"


if __name__ == "__main__":
    main(campaign)
