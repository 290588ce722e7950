"""Why the milliseconds of a row may not be the machine's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sizewise.core.stats.counting import Rounds, counted_waves, is_clean, rounds_of
from sizewise.core.trials import Block

FEW_PROCESSES = 3
"""A row needs as many processes."""
FEW_PROCESSES_CODE = "few_processes"


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """One reason, as a ``sentence`` without an end, and its ``code``."""

    code: str
    sentence: str


def disturbances(blocks: Sequence[Block]) -> tuple[Disturbance, ...]:
    """What disturbed a row, by all its ``blocks``, those of disturbed attempts among them.

    A round is lost where each attempt at it was disturbed. One wave that counts and is not clean
    (``sizewise.core.stats.counting``) is enough to mark the row.
    """
    waves = rounds_of(blocks)
    counted = [waves[wave] for wave in counted_waves(waves)]
    disturbed = [_Lost.of(rounds) for rounds in counted if not is_clean(rounds)]
    codes = dict.fromkeys(code for wave in disturbed for code in wave.rounds_by_code)
    return (*(_by_code(code, disturbed, len(counted)) for code in codes), *_few(len(counted)))


@dataclass(frozen=True, kw_only=True)
class _Lost:
    """The lost rounds of a wave, by what disturbed any attempt at them, of ``rounds`` in all, which
    took so many ``attempts``."""

    rounds_by_code: Mapping[str, int]
    rounds: int
    attempts: int

    @classmethod
    def of(cls, rounds: Rounds) -> _Lost:
        lost = [tries for tries in rounds.values() if not any(block.valid for block in tries)]
        return cls(
            rounds_by_code=Counter(code for tries in lost for code in _codes(tries)),
            rounds=len(rounds),
            attempts=sum(map(len, rounds.values())),
        )


def _codes(attempts: Iterable[Block]) -> Iterable[str]:
    """Each once, in the order in which they first appear."""
    return dict.fromkeys(code for block in attempts for code in block.disturbed)


def _by_code(code: str, disturbed: Sequence[_Lost], waves: int) -> Disturbance:
    own = [wave for wave in disturbed if code in wave.rounds_by_code]
    lost = sum(wave.rounds_by_code[code] for wave in own)
    rounds, attempts = sum(wave.rounds for wave in own), sum(wave.attempts for wave in own)
    where = f"{len(own)} of {waves} processes" if waves > 1 else "its only process"
    sentence = f"{_NAMES.get(code, code)} in {lost} of {rounds} rounds of {where}"
    return Disturbance(code=code, sentence=f"{sentence}, after {attempts} attempts")


def _few(waves: int) -> Iterable[Disturbance]:
    if waves < FEW_PROCESSES:
        noun = "process" if waves == 1 else "processes"
        sentence = f"measured in {waves} {noun}, at least {FEW_PROCESSES} needed"
        yield Disturbance(code=FEW_PROCESSES_CODE, sentence=sentence)


_NAMES: Mapping[str, str] = {
    "load": "background load",
    "steal": "cores taken by the hypervisor",
    "throttled": "stops by a CPU quota",
    "swap": "swapping",
    "stopped": "a stop of the measurement",
    "gpu_clock": "a lowered GPU clock",
    "gpu_shared": "other programs on the GPU",
    "drift": "a change of the machine's own speed",
}
"""Of the codes in ``sizewise.core.trials.disturbances``. Those of a later version stand for
themselves."""
