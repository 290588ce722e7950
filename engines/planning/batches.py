"""Batch sizes as users write them."""

from __future__ import annotations

import re

from sizewise.core.errors import UsageError
from sizewise.core.specs import BatchRange


def parse_batch(asked: int | str) -> tuple[int, BatchRange | None]:
    """``4``, or ``1:4:8``: 4 with the range from 1 to 8. A range of one batch size is none. Raises
    UsageError."""
    match = re.fullmatch(r"\s*(\d+)(?::(\d+):(\d+))?\s*", str(asked))
    low, tuned, high = (int(g or match[1]) for g in match.groups()) if match else (0, 0, 0)
    if not 1 <= low <= tuned <= high:
        raise UsageError(
            f"{asked!r} is no batch size",
            "it is a number from 1, or three that do not fall: the smallest, the one to be tuned "
            "for and measured, and the largest",
            "Give it as 4, or as 1:4:8 for one engine for batches of 1 to 8 images.",
        )
    return tuned, BatchRange(low, high) if low < high else None
