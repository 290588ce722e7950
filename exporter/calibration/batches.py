"""What a graph is fed at each size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from sizewise.core.specs import Size

Array = NDArray[Any]
Inputs = Array | Mapping[str, Array]
"""Images alone, or the arrays of all inputs by name."""
Batch = tuple[Size, Inputs]
Fed = tuple[Size, Mapping[str, Array]]
