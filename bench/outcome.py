"""What a sweep came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sizewise.core.trials import Result, Status


@dataclass(frozen=True, kw_only=True)
class SweepOutcome:
    """The trials of a plan after a sweep. ``measured`` are those of which something was measured
    now, ``skipped`` those that were complete on file. ``statuses`` counts all of them;
    ``not_all_well`` are those that are not ``ok``, or of which a later process failed.
    ``unfinished`` is the number of trials that the limit of time left with fewer waves than they
    need."""

    results: Path
    measured: int
    skipped: int
    statuses: Mapping[Status, int]
    not_all_well: tuple[Result, ...]
    unfinished: int = 0

    @property
    def exit_code(self) -> int:
        """3 where trials failed, or a process of one, 4 where outputs were not finite, 1 where no
        trial could be measured; unsupported trials beside measured ones are no failure."""
        if any(one.status in ("failed", "ok") for one in self.not_all_well):
            return 3
        if self.statuses.get("invalid"):
            return 4
        return 0 if self.statuses.get("ok") else 1
