"""The sides that a module takes, found by running it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exporter.checks.sides import Runs, find_stride, fits, least_side
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size

Trial = Callable[[Size], Runs]
"""Where a module runs and gives what it gives near a size."""
_USUAL = (
    *(28, 32, 64, 96, 112, 128, 160, 192, 224, 256, 288, 299, 300, 336, 352, 384, 416, 448),
    *(480, 504, 512, 518, 576, 600, 640, 672, 720, 768, 800, 896, 960, 1008, 1024, 1280),
)
"""Sides in pixels that published networks are made for."""


@dataclass(frozen=True, kw_only=True)
class SaidSides:
    """What is known of the sides before a module was run: the stride and the least side, 0 where
    nobody said so, and whether the size is to be free."""

    stride: int
    smallest: int
    dynamic: bool

    def start(self, example: Size) -> Size:
        """The example, or a larger size that this allows."""
        sides = (max(side, self.smallest) for side in (example.height, example.width))
        return Size(*(self.round_up(side) for side in sides))

    def round_up(self, side: int) -> int:
        unit = self.stride or 1
        return -(-side // unit) * unit


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The stride and the least side of a module, and a size at which it should run."""

    stride: int
    smallest: int
    near: Size


def find_sides(
    source: str, said: SaidSides, start: Size, trial: Trial, *, runs_there: bool
) -> Sides:
    """What ``said`` leaves open, found by running the module near ``start``, or else at the nearest
    of the usual sizes at which it runs.

    Raises UsageError where the stride is wrong, or where it runs at one size alone.
    """
    other = None if runs_there else _elsewhere(said, start, trial(start))
    if other is not None and not said.dynamic:
        raise UsageError(
            f"{source} can't be exported at {start}",
            f"it does not run there, but it does at {other}",
            f"Give {spelled('size')} {other.height}.",
        )
    near = start if other is None else other
    as_said = Sides(stride=said.stride or 1, smallest=said.smallest or 1, near=near)
    if not said.dynamic:
        return as_said
    runs = trial(near)
    stride = _stride(source, said, near, runs)
    if stride is None and other is not None:
        raise UsageError(
            f"{source} can't be exported with free sizes",
            f"it runs at {other}, and neither at {start} nor at sizes near {other}",
            f"Give {spelled('size')} {other.height}, and fix it ({spelled('dynamic')}).",
        )
    if stride is None:
        return as_said  # it may run nowhere, which is said where it is run
    near = Size(*(-(-side // stride) * stride for side in (near.height, near.width)))
    return Sides(stride=stride, smallest=_smallest(said, stride, near, runs), near=near)


def _elsewhere(said: SaidSides, start: Size, runs: Runs) -> Size | None:
    """The usual size next to ``start`` at which it runs; None where it runs at none."""
    sides = {said.round_up(side) for side in _USUAL if side >= said.smallest}
    nearest = sorted(sides, key=lambda side: (abs(side - start.height), side))
    squares = (Size(side, side) for side in nearest)
    return next((one for one in squares if one != start and runs(one)), None)


def _stride(source: str, said: SaidSides, near: Size, runs: Runs) -> int | None:
    """The stride that was said, where it is right, or the one that is found; None where none is."""
    if said.stride and fits(runs, said.stride, near):
        return said.stride
    found = find_stride(runs, near)
    if said.stride and found is not None:
        raise UsageError(
            f"{source} can't be exported with the stride {said.stride}",
            f"it does not run at all multiples of {said.stride}, but at those of {found}",
            f"Give {spelled('stride')} {found}.",
        )
    return found


def _smallest(said: SaidSides, stride: int, near: Size, runs: Runs) -> int:
    most = max(near.height, near.width)
    if said.smallest or not runs(Size(most, most)):
        return said.smallest or 1
    return least_side(runs, stride, most)
