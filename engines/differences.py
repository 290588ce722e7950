"""How far outputs are from those of a reference, part by part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.base import Array
from engines.reference import not_finite
from sizewise.core.specs import Part, Size, divided

_TINY = float(np.finfo(np.float32).tiny)
"""The divisor for a parent of zeros, so that the relative error stays finite."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One output at one size, or a ``part`` of it: the largest absolute error and the parent's
    largest absolute value, in the output's own unit; no error where there is a ``reason``.

    ``relative_error`` is the root mean square of the error over that of the parent's values,
    ``bound`` what is allowed of it (None: nobody judges it). ``own_error`` is the same measure of
    how far the engine is from its own 8-bit file, ``file_error`` of how far that file is from the
    parent, and ``own_bound`` what is allowed of the former. ``reason_code`` is ``numerics`` where a
    value is not finite, the parent's too, and ``shape`` where the shapes differ.
    """

    size: Size
    output: str
    max_abs_error: float | None
    absmax: float
    reason: str = ""
    part: str = ""
    relative_error: float | None = None
    bound: float | None = None
    reason_code: str = ""
    own_error: float | None = None
    file_error: float | None = None
    own_bound: float | None = None

    @property
    def name(self) -> str:
        """The output, and the part of it where that is called something else."""
        return self.output if self.part in ("", self.output) else f"{self.output} {self.part}"

    @property
    def within(self) -> bool:
        """Whether it is within its bounds, where it has both a figure and a bound."""
        if self.relative_error is None or self.bound is None:
            return True
        return self.relative_error <= self.bound and not self.strays

    @property
    def strays(self) -> bool:
        """Whether the engine is too far from its own file."""
        return (self.own_error or 0.0) > (math.inf if self.own_bound is None else self.own_bound)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The differences of all outputs at all sizes, or none with the reason.

    A reason beside differences says what the engine was held against in place of an FP32 file.
    ``reason_code`` is ``not_compared`` where the comparison failed, and ``todo`` what to do then.
    """

    differences: tuple[Difference, ...] = ()
    reason: str = ""
    reason_code: str = ""
    todo: str = ""

    def worst(self) -> tuple[Difference, ...]:
        """The worst difference of each output or part, beside its largest value at any size.

        The worst is one without a figure, where there is one, else that of the largest error. Its
        relative error is the largest that is judged.
        """
        names = dict.fromkeys(d.name for d in self.differences)
        return tuple(_worst([d for d in self.differences if d.name == name]) for name in names)


def differences(
    size: Size,
    output: str,
    found: Array,
    expected: Array,
    parts: Sequence[Part],
    *,
    file: Array | None = None,
) -> list[Difference]:
    """The difference of each of ``parts`` of one output at one size; of the whole output where it
    has none of them, or another shape than the parent's. ``file`` is what the engine's file gives
    itself."""
    if found.shape != expected.shape:
        return [difference(size, output, found, expected)]
    every = [list(divided(one, parts)) for one in (found, expected)]
    made = [
        replace(difference(size, output, ours, theirs), part=part)
        for (part, ours), (_, theirs) in zip(*every, strict=True)
    ]
    if file is None or file.shape != expected.shape:
        return made
    own = (one for _, one in divided(file, parts))
    return [
        replace(one, **_own_errors(ours, theirs, of_file)) if one.max_abs_error is not None else one
        for one, (_, ours), (_, theirs), of_file in zip(made, *every, own, strict=True)
    ]


def _own_errors(found: Array, expected: Array, file: Array) -> dict[str, float]:
    """How far the engine is from its file, and that file from the parent, over the same values."""
    if not_finite(file):
        return {}
    wide = [array.astype(np.float64) for array in (found, expected, file)]
    scale = float(np.abs(wide[1]).max(initial=0)) or 1.0
    return {
        "own_error": _share(wide[0] - wide[2], wide[1], scale),
        "file_error": _share(wide[2] - wide[1], wide[1], scale),
    }


def difference(size: Size, output: str, found: Array, expected: Array) -> Difference:
    """The difference of one output at one size. NaN or infinity on either side is no agreement,
    also where both have it: nobody can say how far they are apart."""
    why, code, error, absmax, share = "", "", None, 0.0, None
    if found.shape != expected.shape:
        why = f"its shape is {list(found.shape)}, the FP32 file's is {list(expected.shape)}"
        code = "shape"
    elif not_finite(expected) or not_finite(found):
        whose = "in the FP32 file" if not_finite(expected) else "where the FP32 file's is"
        why, code = f"it is not finite {whose}", "numerics"
    else:
        wanted, given = expected.astype(np.float64), found.astype(np.float64)
        absmax = float(np.abs(wanted).max(initial=0))
        error = float(np.abs(given - wanted).max(initial=0))
        share = _share(given - wanted, wanted, absmax or 1.0)
    return Difference(
        size=size,
        output=output,
        max_abs_error=error,
        absmax=absmax,
        reason=why,
        relative_error=share,
        reason_code=code,
    )


def _share(off: Array, wanted: Array, scale: float) -> float:
    """The root mean square of ``off`` over that of ``wanted``; values near ``scale`` stay in
    range when they are squared."""
    squares = max(float(np.square(wanted / scale).sum()), _TINY)
    return math.sqrt(float(np.square(off / scale).sum()) / squares)


def _worst(of_one: list[Difference]) -> Difference:
    broken = next((d for d in of_one if d.max_abs_error is None), None)
    largest = broken or max(of_one, key=lambda d: d.max_abs_error or 0.0)
    judged = [d for d in of_one if d.bound is not None]
    share = max(judged or of_one, key=lambda d: d.relative_error or 0.0)
    strayed = max(of_one, key=_straying)
    return replace(
        largest,
        own_error=strayed.own_error,
        file_error=strayed.file_error,
        own_bound=strayed.own_bound,
        absmax=max(d.absmax for d in of_one),
        relative_error=share.relative_error,
        bound=share.bound,
    )


def _straying(one: Difference) -> float:
    """The error against the engine's file as a share of what is allowed of it."""
    return (one.own_error or 0.0) / max(one.own_bound or math.inf, _TINY)
