"""What a sweep came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sizewise.core.exit_codes import ExitCode
from sizewise.core.trials import Result, Status


@dataclass(frozen=True, kw_only=True)
class SweepOutcome:
    """The trials of a plan after a sweep. ``measured`` are those of which something was measured
    now, ``skipped`` those that were complete on file. ``statuses`` counts all of them;
    ``not_all_well`` are those that are not ``ok``, or of which a later process failed, without
    their blocks. ``unfinished`` is the number of trials that the limit of time left with fewer
    waves than they need, ``quarantined`` that of those which, or whose accuracy, failed twice in
    the same way and were not tried."""

    results: Path
    measured: int
    skipped: int
    statuses: Mapping[Status, int]
    not_all_well: tuple[Result, ...]
    unfinished: int = 0
    quarantined: int = 0

    @property
    def exit_code(self) -> ExitCode:
        """FAILED where trials failed, or a process of one, INVALID where outputs were not finite,
        ERROR where no trial could be measured. Unsupported trials beside measured ones are no
        failure: a sweep asks which of all combinations there are."""
        if any(one.status in ("failed", "ok") for one in self.not_all_well):
            return ExitCode.FAILED
        if self.statuses.get("invalid"):
            return ExitCode.INVALID
        return ExitCode.OK if self.statuses.get("ok") else ExitCode.ERROR
