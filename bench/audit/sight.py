"""What the gate can and can't see on this machine: which readings the system gives, and whether a
burner process is noticed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

from bench.audit.burner import start_burner
from bench.audit.turns import Shape
from bench.gate.cores import core_times
from bench.waves.launch import Launch, Limits, launch_child
from bench.waves.wave import Watch
from sizewise.core.holding.closing import Closing
from sizewise.core.machine.cores import usable_cores
from sizewise.core.machine.nvidia import find_devices
from sizewise.core.progress import Stage
from sizewise.core.specs import EngineArtifact, Size
from sizewise.core.trials import Reading

BURNT = 0.5
"""The share of one core that the burner takes."""
QUIET_ROUNDS, BURNT_ROUNDS = 3, 4

READINGS: Mapping[str, Callable[[Reading], bool]] = {
    "load": lambda _: any(core.idle_s > 0 for core in core_times().values()),
    "steal": lambda reading: reading.steal is not None,
    "throttling": lambda reading: reading.throttled is not None,
    "swap": lambda reading: reading.swapped_pages is not None,
    "GPU": lambda _: bool(find_devices().found),
}
"""What the gate judges by: by name, whether the system gives it. Some sandboxes list cores that
never idle: what others take is then not seen."""
RECORDED: Mapping[str, Callable[[Reading], bool]] = {
    "pressure": lambda reading: reading.pressure is not None,
    "frequency": lambda reading: reading.clock_mhz > 0,
}
"""What is kept of each round, and disturbs none."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the gate made of a round: the background load as a share of all cores (0–1), and the
    codes of what disturbed it."""

    load: float
    disturbed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Sight:
    """``given`` and ``missing`` are names of readings that the gate judges by, ``recorded`` of
    those that are only kept. Rounds were measured as the machine is (``quiet``), then beside a
    burner that took ``burnt`` of all cores (0–1)."""

    given: tuple[str, ...]
    missing: tuple[str, ...]
    recorded: tuple[str, ...] = ()
    quiet: tuple[Seen, ...]
    beside_burner: tuple[Seen, ...]
    burnt: float

    @property
    def seen(self) -> float:
        """The burner's share of all cores as the gate saw it: the mean load less the one before."""
        return self.load_beside - self.load_before

    @property
    def load_before(self) -> float:
        """The mean load as the machine is, 0–1."""
        return _mean(self.quiet)

    @property
    def load_beside(self) -> float:
        """The mean load beside the burner, 0–1."""
        return _mean(self.beside_burner)

    @property
    def busy(self) -> bool:
        """Whether rounds were disturbed before the burner began."""
        return any(one.disturbed for one in self.quiet)

    @property
    def flagged(self) -> int:
        """Rounds beside the burner that did not count."""
        return sum(bool(one.disturbed) for one in self.beside_burner)


def look(
    engine: EngineArtifact,
    size: Size,
    limits: Limits,
    watch: Watch,
    shape: Shape,
    *,
    stage: Stage,
    launch: Launch = launch_child,
    burner: Callable[[float], Closing] = start_burner,
) -> Sight:
    """Measure rounds of ``engine`` under ``watch``, then some beside a burner. Raises EngineError
    and InputError."""
    with closing(launch(limits)) as worker:
        worker.prepare(engine.path, size)
        worker.open()
        worker.warm_up(3)

        def one_round(note: str) -> Reading:
            watch.begin([worker.pid])
            for _ in range(shape.rounds):
                worker.measure(shape.turn)
            reading = watch.end([worker.pid])
            stage.advance(note=note)
            return reading

        quiet = [one_round("as it is") for _ in range(QUIET_ROUNDS)]
        with burner(BURNT):
            burnt = [one_round("beside a burner") for _ in range(BURNT_ROUNDS)]
    given = _given(READINGS, quiet[-1])
    return Sight(
        given=given,
        missing=tuple(name for name in READINGS if name not in given),
        recorded=_given(RECORDED, quiet[-1]),
        quiet=tuple(_seen(watch, reading) for reading in quiet),
        beside_burner=tuple(_seen(watch, reading) for reading in burnt),
        burnt=BURNT / usable_cores(),
    )


def _given(readings: Mapping[str, Callable[[Reading], bool]], one: Reading) -> tuple[str, ...]:
    return tuple(name for name, has in readings.items() if has(one))


def _seen(watch: Watch, reading: Reading) -> Seen:
    return Seen(load=reading.load, disturbed=watch.disturbances(reading, None))


def _mean(rounds: tuple[Seen, ...]) -> float:
    return sum(one.load for one in rounds) / len(rounds)
