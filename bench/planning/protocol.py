"""How a trial is measured: the shape of a turn, of a round and of a wave."""

from __future__ import annotations

from dataclasses import dataclass

from sizewise.core.trials.rigor import RigorName

HARNESS = 2
"""Raised by hand where a change of ours changes what is measured: results of before are then kept,
and never compared with new ones."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Every engine of a group runs in a process of its own in each *wave*; a wave has ``rounds``,
    and in a round each engine has one turn, in random order.

    A turn is a pause of ``pause_s``, ``cold_calls`` calls that count in no figure, then at least
    ``block_calls`` calls and ``block_s`` seconds; one call that takes longer than a second is
    enough. Waves are added until ratios are as narrow as ``rigor`` wants them, or until there are
    ``processes`` of them where that is not 0.
    """

    rigor: RigorName = "standard"
    processes: int = 0
    rounds: int = 12
    block_calls: int = 5
    block_s: float = 0.06
    warmup_calls: int = 3
    cold_calls: int = 2
    pause_s: float = 0.02
    seed: int = 0
