"""The stride and the least side of a module, found by where it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from sizewise.core.specs import Size

Runs = Callable[[Size], bool]
"""Whether a module runs at a size."""

POWERS = tuple(2**k for k in range(9))
"""The strides of most networks, up to 256 pixels."""
_OTHERS = tuple(sorted(odd * 2**k for odd in (3, 5, 7, 9) for k in range(7) if odd * 2**k < 256))
"""Others, of transformers with patches of 14 pixels and windows of 7 cells, say."""

_APART = (5, 13, 27, 45, 83)
"""Pixels between sides that are tried, so that they differ in patches of up to 64 pixels, by odd
and even numbers."""


def find_stride(runs: Runs, near: Size) -> int | None:
    """The least stride whose multiples about ``near`` all run, as far as can be found; None where
    no stride does."""
    return next((one for one in (*POWERS, *_OTHERS) if fits(runs, one, near)), None)


def fits(runs: Runs, stride: int, near: Size) -> bool:
    """Whether sides that are next to each other among the multiples of ``stride`` all run, and some
    further apart: to a patch of 16 pixels, 320 to 335 are one size."""
    least = max(4, -(-max(near.height, near.width) // stride))
    more = [-(-pixels // stride) for pixels in _APART]
    cells = dict.fromkeys(((0, 1), (1, 2), *pairwise(more)))
    return all(
        runs(Size((least + rows) * stride, (least + columns) * stride)) for rows, columns in cells
    )


def least_side(runs: Runs, stride: int, most: int) -> int:
    """The least side of a square that runs, as do all larger ones that were tried, up to ``most``,
    which is known to run."""
    above = most
    for side in _halvings(most, stride):
        if not runs(Size(side, side)):
            return _between(runs, stride, side, above)
        above = side
    return above


def _halvings(most: int, stride: int) -> Iterator[int]:
    cells = most // stride
    while cells > 1:
        cells //= 2
        yield cells * stride


def _between(runs: Runs, stride: int, below: int, above: int) -> int:
    """By bisection: ``below`` does not run, and ``above`` does."""
    while above - below > stride:
        middle = (below + above) // 2 // stride * stride
        if runs(Size(middle, middle)):
            above = middle
        else:
            below = middle
    return above
