"""What one wave gave: the unit in which results are stored."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sizewise.core.errors import SizewiseError
from sizewise.core.machine.unread import unread
from sizewise.core.specs import Size
from sizewise.core.trials import (
    Block,
    Build,
    FirstCall,
    Memory,
    Part,
    Round,
    Sample,
    Status,
    Trial,
)

_LONGEST = 4000
"""Characters of a reason that are stored: its sentence, and the last lines of the library."""


@dataclass(frozen=True, kw_only=True)
class Turned:
    """The calls of one engine in an attempt at a round."""

    round: int
    attempt: int
    sample: Sample


@dataclass(frozen=True, kw_only=True)
class State:
    """What is known of a trial beside its figures. ``reason`` is a sentence unless all is well: one
    that is ok has a reason where a later process of it failed."""

    status: Status = "ok"
    reason_code: str = ""
    reason: str = ""

    @property
    def beside_samples(self) -> State:
        """The same of a trial that has samples of other processes: these stand, unless an output
        was not finite."""
        return self if self.status == "invalid" else replace(self, status="ok")

    @classmethod
    def of(cls, failure: SizewiseError | None) -> State:
        """Outputs that are not finite make a trial invalid; what a back end, or this machine, does
        not offer is unsupported."""
        if failure is None:
            return cls()
        said = str(failure)
        if len(said) > _LONGEST:
            said = f"{said[: _LONGEST // 2]} […] {said[-_LONGEST // 2 :]}"
        code = failure.reason_code
        status: Status = "unsupported" if code.startswith("unsupported") else "failed"
        if code == "numerics":
            status = "invalid"
        return cls(status=status, reason_code=code, reason=said)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One engine's process in a wave; the waves of what it holds are not numbered yet (0)."""

    trial: Trial
    state: State
    builds: tuple[Build, ...] = ()
    turns: tuple[Turned, ...] = ()
    first_call: FirstCall | None = None
    memory: Memory | None = None
    parts: tuple[Part, ...] = ()
    end_to_end: tuple[Part, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wave:
    """One process of each engine of a group, from its start to its end.

    ``number`` counts the waves of a size in a run, ``rebuild`` the builds of the engines.
    ``anchor`` names the kernel that ran in the rounds, and what it depends on: waves of other
    anchors can't be tied to each other. Empty without one; one that died has no sample from then
    on.
    """

    size: Size
    number: int
    rebuild: int
    anchor: str
    started_ns: int
    ended_ns: int
    rounds: tuple[Round, ...]
    members: tuple[Member, ...]


def blocks_of(wave: Wave, number: int, session: int) -> Mapping[str, tuple[Block, ...]]:
    """The blocks of each member by its trial's identity, where ``number`` is the wave's in the
    file, and ``session`` the run's."""
    rounds = {(one.number, one.attempt): one for one in wave.rounds}
    return {
        member.trial.identity: tuple(
            placed(
                turned,
                rounds[turned.round, turned.attempt],
                wave=number,
                rebuild=wave.rebuild,
                session=session,
                anchor=wave.anchor,
            )
            for turned in member.turns
        )
        for member in wave.members
    }


def placed(
    turned: Turned, within: Round, *, wave: int, rebuild: int, session: int, anchor: str
) -> Block:
    """A turn with its place in the file, and what its round tells of it."""
    sample = turned.sample
    return Block(
        wave=wave,
        round=turned.round,
        attempt=turned.attempt,
        rebuild=rebuild,
        session=session,
        started_ns=sample.started_ns,
        latency_ns=sample.latency_ns,
        cold=sample.cold,
        cpu_ns=sample.cpu_ns,
        load=within.reading.load,
        clock_mhz=within.reading.clock_mhz,
        anchor_ns=None if within.anchor is None else median_ns(within.anchor),
        anchor=anchor,
        disturbed=within.disturbed,
        unread=unread(within.reading),
        taken=within.reading.load + (within.reading.steal or 0.0),
    )


def median_ns(sample: Sample) -> float:
    """The median of the warm calls."""
    return float(statistics.median(sample.warm_ns))
