"""Parts of a data set that can't be used: a reader stops at the first, or notes and skips them."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from sizewise.core.errors import InputError

T = TypeVar("T")

FaultKind = Literal["picture", "label", "class", "no_area", "outside"]
"""A picture; a label that can't be read; one of a class that the data do not have; a box without
extent; one that does not lie in its picture."""


_OF_THE_MACHINE = (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ETIMEDOUT)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A part that was skipped: its kind, and two half-sentences that say what and why."""

    kind: FaultKind
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what


def is_of_the_machine(error: InputError) -> bool:
    """Whether something could not be read for want of memory and the like, which says nothing of
    the data: what is learned and scored would depend on the machine."""
    cause = error.__cause__
    if isinstance(cause, MemoryError):
        return True
    return isinstance(cause, OSError) and cause.errno in _OF_THE_MACHINE


class Faults:
    """What a reader does with faults: it stops at the first."""

    stops = True
    skips = False
    """Whether it goes on without any part that can't be used."""
    found: Sequence[Fault] = ()

    def refuse(self, kind: FaultKind, error: InputError, name: str = "") -> None:
        """Take a fault of the part ``name`` (else as the error calls it). Raises ``error``, or the
        caller skips the part."""
        del kind, name
        raise error

    def note(self, kind: FaultKind, what: str, why: str) -> None:
        """Take a fault that readers leave out even where they stop at others."""

    def attempt(self, kind: FaultKind, read: Callable[[], T]) -> T | None:
        """What ``read`` gives; None where that is a fault."""
        try:
            return read()
        except InputError as error:
            self.refuse(kind, error)
            return None

    def aside(self) -> Faults:
        """The same for parts whose faults somebody else notes."""
        return self


STOP = Faults()
"""What readers do unless they are told otherwise."""


class Noted(Faults):
    """A reader notes faults in ``found``, each once, and skips the parts. It stops at errors of the
    machine."""

    stops = False
    skips = True

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self._seen: set[Fault] = set()

    def refuse(self, kind: FaultKind, error: InputError, name: str = "") -> None:
        if is_of_the_machine(error):
            raise error
        self.note(kind, name or error.what, error.why)

    def note(self, kind: FaultKind, what: str, why: str) -> None:
        self.take(Fault(kind=kind, what=what, why=why))

    def take(self, fault: Fault) -> None:
        """Note a fault that somebody else found."""
        if fault not in self._seen:
            self._seen.add(fault)
            self.found.append(fault)

    def aside(self) -> Faults:
        return Noted()


class Strict(Noted):
    """A reader stops at whatever it would note: also at what readers leave out where they stop at
    others."""

    skips = False

    def refuse(self, kind: FaultKind, error: InputError, name: str = "") -> None:
        del kind, name
        raise error

    def note(self, kind: FaultKind, what: str, why: str) -> None:
        del kind
        raise InputError(f"{what} can't be used", why, "Correct it, or leave it out.")


def faults_for(*, strict: bool) -> Noted:
    """What the option ``strict`` says: stop at the first fault, or note and skip them."""
    return Strict() if strict else Noted()
