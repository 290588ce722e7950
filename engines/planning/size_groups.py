"""Sizes in groups: an engine of the strategy ``profiles`` has one profile for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Profile, Size
from sizewise.core.specs.sizes import shortened

_USUAL_COUNT = 3
_DIGITS = 18
"""Of a number of profiles."""
_Group = tuple[Size, ...]


def plan_profiles(
    sizes: Iterable[Size], requested: str, taken: Iterable[Size]
) -> tuple[Profile, ...]:
    """A profile for each group of :func:`group_sizes`, over those of its sizes that the model takes
    (``taken``). Raises UsageError.

    A group without any of these has no profile.
    """
    known = set(taken)
    groups = (tuple(filter(known.__contains__, group)) for group in group_sizes(sizes, requested))
    return tuple(Profile.spanning(group) for group in groups if group)


def group_sizes(sizes: Iterable[Size], requested: str) -> tuple[_Group, ...]:
    """``sizes`` in groups, ordered by their pixels. Raises UsageError where that can't be.

    ``requested`` is a number of groups (``3``: as equal in number as they can be), the largest size
    of each (``288,352,448``), or empty: three groups, or as many as there are sizes.
    """
    ordered = sorted(set(sizes), key=_rank)
    if not requested:
        return _even(ordered, min(_USUAL_COUNT, len(ordered)))
    if requested.strip().isdecimal():
        return _even(ordered, _checked_count(requested, ordered))
    if (count := requested.count(",") + 1) > len(ordered):
        raise _refused(requested, f"there are {len(ordered)} sizes for {count} profiles")
    return _bounded(ordered, [Size.parse(part) for part in requested.split(",")], requested)


def _rank(size: Size) -> tuple[int, Size]:
    return size.pixels, size


def _even(ordered: Sequence[Size], count: int) -> tuple[_Group, ...]:
    cuts = [len(ordered) * part // count for part in range(count + 1)]
    return tuple(tuple(ordered[a:b]) for a, b in pairwise(cuts))


def _checked_count(requested: str, ordered: Sequence[Size]) -> int:
    count = int(requested[:_DIGITS])  # Python refuses to read thousands of digits
    if not 1 <= count <= len(ordered) or len(requested) > _DIGITS:
        raise _refused(requested, f"there are {len(ordered)} sizes for {count} profiles")
    return count


def _bounded(ordered: Sequence[Size], bounds: Sequence[Size], requested: str) -> tuple[_Group, ...]:
    """The groups by their largest sizes: a size goes to the first bound that is as high and as
    wide."""
    if list(map(_rank, bounds)) != sorted(set(map(_rank, bounds))):
        raise _refused(requested, "they must grow from one to the next")
    groups: dict[Size, list[Size]] = {bound: [] for bound in bounds}
    for size in ordered:
        bound = next((b for b in bounds if _covers(b, size)), None)
        if bound is None:
            raise _refused(requested, f"none of these is as large as the requested size {size}")
        groups[bound].append(size)
    for bound, group in groups.items():
        if not group:
            raise _refused(requested, f"no requested size is left for {bound}")
    return tuple(map(tuple, groups.values()))


def _covers(bound: Size, size: Size) -> bool:
    return size.height <= bound.height and size.width <= bound.width


def _refused(requested: str, why: str) -> UsageError:
    return UsageError(
        f"The profiles {shortened(requested)} can't be built",
        why,
        f"Give {spelled('profiles')} a number from 1 to the number of sizes, or the largest size "
        "of each profile in growing order: 288,352,448.",
    )
