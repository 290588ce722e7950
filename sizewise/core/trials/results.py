"""Results: what came of a trial, and the runs that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sizewise.core.machine.environment import Environment
from sizewise.core.trials.figures import Accuracy, Build, Memory
from sizewise.core.trials.samples import Block, FirstCall, Part
from sizewise.core.trials.trial import Trial

Status = Literal["ok", "unsupported", "failed", "invalid"]
EXPECTED_OOM = "oom_expected"
"""The reason code of a trial that was not tried: its kind of engine ran out of memory at a smaller
size."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A trial and what came of it; ``reason`` is a sentence wherever status is not ``ok``, and
    where it is, but a later process failed.

    ``builds`` are of each rebuild, ``memory`` of each process. ``parts`` are those of a call in
    order, process by process (none where calls have no parts), ``end_to_end`` those of the way
    from a picture to its objects. ``accuracy_reason`` says why there is no accuracy though it was
    requested.
    """

    trial: Trial
    status: Status
    reason_code: str = ""
    reason: str = ""
    builds: tuple[Build, ...] = ()
    blocks: tuple[Block, ...] = ()
    first_calls: tuple[FirstCall, ...] = ()
    memory: tuple[Memory, ...] = ()
    parts: tuple[Part, ...] = ()
    end_to_end: tuple[Part, ...] = ()
    accuracy: Accuracy | None = None
    accuracy_reason: str = ""

    @property
    def build(self) -> Build | None:
        """The first build; None where there is none."""
        return self.builds[0] if self.builds else None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One call of ``bench``: where it ran and what was requested (``configuration`` is JSON).
    ``results`` are those of the trials that it added to the file."""

    started: str
    environment: Environment
    configuration: str
    command: str
    results: tuple[Result, ...] = ()
