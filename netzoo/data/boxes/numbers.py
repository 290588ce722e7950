"""Numbers as text files have them."""

from __future__ import annotations

import math


def finite(text: str) -> float:
    """Raises ValueError for what is no number, or has no end."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
