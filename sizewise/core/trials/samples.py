"""What is measured, as it was measured: calls in blocks, blocks in rounds, rounds in waves.

In a *wave*, each engine of a group lives in a process of its own, all at the same time. A wave has
*rounds*; in a round each engine has one *block* of consecutive calls, in random order, and so has
the anchor. A round that something disturbed is measured again: its *attempts* count from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sizewise.core.specs import Size
from sizewise.core.trials.flushing import Flushing


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Consecutive calls of one engine in one process, as its child timed them.

    ``started_ns`` is wall-clock time since the epoch. The first ``cold`` of the latencies follow a
    pause or another engine's turn: they are kept, and stand in no figure. ``cpu_ns`` is the child's
    CPU time over the warm calls.
    """

    started_ns: int
    latency_ns: tuple[int, ...]
    cpu_ns: int
    cold: int = 0

    @property
    def warm_ns(self) -> tuple[int, ...]:
        """The latencies that figures are made of."""
        return self.latency_ns[self.cold :]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What else happened on the machine during a round; None where the system does not say.

    ``load`` is the CPU time that *other programs* took, as a share of all cores (0–1), and
    ``steal`` what the hypervisor took beside that (in results of before, ``load`` may hold it too);
    ``resolution`` is the share that the cores' ticks leave unknown of both. ``pressure`` is the
    share of time that some task waited for a core, ``throttled`` the share that a quota stopped us;
    ``swapped_pages`` were read from or written to swap; ``clock_mhz`` is the cores' mean frequency
    at the end. ``stopped_s`` are the seconds in which this process did not run at all: Ctrl-Z, a
    paused container. The round took ``elapsed_s`` in all (0: not recorded).

    ``devices`` is the GPU that engines ran on, by its name: SM clock (``sm_mhz``), temperature
    (``celsius``) and power (``watts``) at the end. ``gpu_limits`` is what lowered its clock, and
    ``gpu_programs`` the number of other programs on it.
    """

    load: float = 0.0
    steal: float | None = None
    resolution: float = 0.0
    pressure: float | None = None
    throttled: float | None = None
    swapped_pages: int | None = None
    clock_mhz: float = 0.0
    devices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    gpu_limits: tuple[str, ...] = ()
    gpu_programs: int | None = None
    stopped_s: float = 0.0
    elapsed_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Round:
    """One attempt at a round: the anchor's calls in it, and whether anything ``disturbed`` it (the
    codes of ``sizewise.core.trials.disturbances``; empty where nothing did).

    ``anchor`` is None where no anchor ran.
    """

    number: int
    attempt: int
    started_ns: int
    ended_ns: int
    reading: Reading
    anchor: Sample | None = None
    disturbed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Block:
    """A :class:`Sample` with its place, as results hold it.

    ``wave`` is the wave's own number in the file: two results that have it in common were measured
    by turns. ``anchor_ns`` is the median warm call of the anchor in the same attempt at the round,
    None without one, and ``anchor`` names its kernel. ``disturbed`` and ``load`` are the round's.
    ``taken`` is the share of all cores that other programs and the hypervisor took in that round.
    ``session`` is the number of the run that measured it: within one, waves follow each other.
    ``unread`` are the codes of disturbances that the system had no reading for.
    """

    wave: int
    round: int
    attempt: int
    rebuild: int
    session: int
    started_ns: int
    latency_ns: tuple[int, ...]
    cold: int
    cpu_ns: int
    load: float
    clock_mhz: float
    anchor_ns: float | None = None
    anchor: str = ""
    disturbed: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    taken: float = 0.0

    @property
    def warm_ns(self) -> tuple[int, ...]:
        """The latencies that figures are made of."""
        return self.latency_ns[self.cold :]

    @property
    def valid(self) -> bool:
        """Whether nothing disturbed its round."""
        return not self.disturbed


@dataclass(frozen=True, kw_only=True)
class ShapeChange:
    """Calls of one child at a shape that is new to it, then a return to the known size, each timed
    from bind to the end of synchronize.

    ``first_ns`` is the very first call there, ``later_ns`` are some after a warm-up there, in
    order, and ``back_ns`` is the first call at the measured shape after these.
    """

    batch_size: int
    size: Size
    first_ns: int
    later_ns: tuple[int, ...]
    back_ns: int


@dataclass(frozen=True, kw_only=True)
class FirstCall:
    """The cold start of one child, in the wave with this number in the file.

    ``load_ns`` is from the engine's files to an open session (None: not timed); ``open_ns`` is the
    very first call, from bind to the end of synchronize, and ``change`` the change to another
    shape. That is None where the engine takes one shape only, or where ``change_reason`` says why.

    ``failures`` says of the rest that is measured beside the rounds, by its name, why it is not
    there: ``memory``, ``parts``, ``walk`` (over all sizes), ``end_to_end`` and ``flushing``, which
    is there where weights hold subnormal numbers.
    """

    wave: int
    open_ns: int
    load_ns: int | None = None
    change: ShapeChange | None = None
    change_reason: str = ""
    failures: Mapping[str, str] = field(default_factory=dict)
    flushing: Flushing | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a call, or of the way from a picture to its objects, timed by itself again and
    again in one child, each time to the end of synchronize.

    ``disturbed`` is what disturbed the turns of pictures, by the codes of
    ``sizewise.core.trials.disturbances``, where fewer than half of them were left alone.
    """

    name: str
    wave: int
    latency_ns: tuple[int, ...]
    disturbed: tuple[str, ...] = ()
