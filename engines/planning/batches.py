"""Batch sizes as users write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sizewise.core.options.limits import BATCH
from sizewise.core.specs import BatchRange


@dataclass(frozen=True)
class Batch:
    """Images per call: the size that is measured and tuned for, and the range that one engine
    takes (None: just that size)."""

    size: int
    range: BatchRange | None = None

    @classmethod
    def parse(cls, given: object) -> Batch:
        """``4``, or ``1:4:8``: 4 with the range from 1 to 8. A range of one batch size is none.
        Raises ValueError."""
        if isinstance(given, Batch):
            return given
        match = re.fullmatch(r"\s*(\d{1,18})(?::(\d{1,18}):(\d{1,18}))?\s*", str(given))
        low, tuned, high = (int(g or match[1]) for g in match.groups()) if match else (0, 0, 0)
        if not 1 <= low <= tuned <= high:
            # Also for more digits than any memory has room for.
            raise ValueError("Use a positive integer, or MIN:OPT:MAX with MIN ≤ OPT ≤ MAX.")
        if why := BATCH.excess(high):
            raise ValueError(f"{why}. {BATCH.todo}")
        return cls(tuned, BatchRange(low, high) if low < high else None)

    @property
    def plain(self) -> int | str:
        """The form in a configuration file: a number, or ``1:4:8``."""
        return self.size if self.range is None else str(self)

    def __str__(self) -> str:
        if self.range is None:
            return str(self.size)
        return f"{self.range.min}:{self.size}:{self.range.max}"
