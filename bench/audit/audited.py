"""What an audit measured, and whether sizewise itself is at fault."""

from __future__ import annotations

from dataclasses import dataclass

from bench.audit.null import Overhead
from bench.audit.parity import Fairness, Parity, fairness
from bench.audit.sight import Sight
from bench.audit.turns import PairedWave, ratio_of
from bench.audit.twins import Twins
from sizewise.core.exit_codes import ExitCode
from sizewise.core.stats import Interval


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """What could not be measured beside its library, and the reason."""

    label: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Audit:
    """All that was measured. ``skipped`` are cells that were wanted and failed, ``left_out`` those
    for which there is no time. ``inputs`` are waves of an engine with fresh images (first) beside
    the same ones (second). Times are UTC."""

    started: str
    ended: str
    threads: int
    overhead: Overhead
    parity: tuple[Parity, ...]
    skipped: tuple[Skipped, ...]
    twins: Twins
    inputs: tuple[PairedWave, ...]
    sight: Sight
    left_out: tuple[Skipped, ...] = ()

    @property
    def fairness(self) -> Fairness | None:
        """What the cells beside bare libraries say together; None where there are none."""
        if not self.parity:
            return None
        return fairness(self.parity, len(self.parity) + len(self.skipped))

    @property
    def fresh_inputs(self) -> Interval:
        """Latency with fresh images over that with the same ones."""
        return ratio_of(self.inputs)

    @property
    def at_fault(self) -> bool:
        """Whether sizewise, and not this machine, is the reason for a wrong figure: by what it adds
        to a call, by a cell out of bounds, or by the median of all."""
        together = self.fairness
        return self.overhead.answer == "no" or (together is not None and together.answer == "no")

    @property
    def exit_code(self) -> ExitCode:
        """ERROR where sizewise is at fault; a slow or noisy machine is no fault."""
        return ExitCode.ERROR if self.at_fault else ExitCode.OK
