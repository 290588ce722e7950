"""Whether numbers that a user gives fit the type of an input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WHOLE, _NUMBERS = "iu", "biuf"


def has(dtype: np.dtype[Any], value: bool | int | float) -> bool:
    """Whether ``dtype`` has ``value``: of floats rounded, but no infinity that it was not."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            found = dtype.type(value)
        if dtype.kind == "f":
            return math.isfinite(found) == math.isfinite(value)
    except (OverflowError, ValueError):
        return False
    return bool(found == value)


def why_lossy(array: NDArray[Any], dtype: np.dtype[Any]) -> str:
    """Why ``array`` can't be given as ``dtype``; empty where it can.

    NumPy writes numbers as float64 and int64 unless it is told otherwise. So floats may be rounded
    and whole numbers may get narrower, as long as each still has its place.
    """
    if array.dtype.kind not in _NUMBERS:
        return f"the file holds {array.dtype}, which are no numbers"
    whole = array.dtype.kind in _WHOLE and dtype.kind in _WHOLE
    if not (whole or np.can_cast(array.dtype, dtype, "same_kind")):
        return f"it takes {dtype}, and the file holds {array.dtype}"
    if _fits(array, dtype):
        return ""
    return f"it takes {dtype}, and the file holds numbers beyond that"


def _fits(array: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    if dtype.kind in _WHOLE and array.size:
        bounds = np.iinfo(dtype)
        return bounds.min <= int(array.min()) and int(array.max()) <= bounds.max
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    return bool(np.array_equal(np.isfinite(cast), np.isfinite(array)))
