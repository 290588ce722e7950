"""What a traffic asks of engines: which input sizes, how often, and after which others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sizewise.core.specs import Size
from sizewise.core.specs.plan import InputRule
from sizewise.core.specs.traffic import Traffic

Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Demand:
    """``sizes`` are the input sizes that pictures ask for by the ``rule``, the smallest first;
    ``shares`` of the pictures ask for each. ``switches`` are the shares of pictures that come after
    one which asks for another size, by both numbers. ``pictures`` has the number of the input size
    that a picture's size asks for, and ``counts`` how many pictures have that size."""

    rule: InputRule
    sizes: tuple[Size, ...]
    shares: tuple[float, ...]
    switches: Mapping[tuple[int, int], float]
    pictures: Mapping[Size, int]
    counts: Mapping[Size, int]

    @classmethod
    def of(cls, traffic: Traffic, rule: InputRule) -> Self:
        counts = traffic.counts
        asked = {picture: rule.size_for(picture) for picture in counts}
        sizes = sorted(set(asked.values()), key=lambda size: (size.pixels, size))
        number = {size: place for place, size in enumerate(sizes)}
        pictures = {picture: number[size] for picture, size in asked.items()}
        of_size = [0] * len(sizes)
        for picture, count in counts.items():
            of_size[pictures[picture]] += count
        total = len(traffic.stream)
        stream = (pictures[picture] for picture in traffic.stream)
        pairs = Counter((a, b) for a, b in pairwise(stream) if a != b)
        return cls(
            rule=rule,
            sizes=tuple(sizes),
            shares=tuple(count / total for count in of_size),
            switches={pair: count / total for pair, count in pairs.items()},
            pictures=pictures,
            counts=counts,
        )

    def kept(self, heights: Numbers, widths: Numbers) -> NDArray[np.float64]:
        """The :func:`scale` of each size in an input of such a height and width."""
        asked = self._asked
        return np.minimum(1.0, np.minimum(heights / asked[:, 0], widths / asked[:, 1]))

    @cached_property
    def _asked(self) -> Numbers:
        return np.array([(size.height, size.width) for size in self.sizes])

    @property
    def largest(self) -> Size:
        """The least input that holds every other."""
        return joined(self.sizes)


def joined(sizes: tuple[Size, ...]) -> Size:
    """The least size that is as high and as wide as each of ``sizes``."""
    return Size(max(one.height for one in sizes), max(one.width for one in sizes))


def even_groups(sizes: tuple[Size, ...], count: int) -> tuple[tuple[Size, ...], ...]:
    """``sizes``, ordered by pixels, in groups that are as equal in number as they can be."""
    cuts = [len(sizes) * part // count for part in range(count + 1)]
    return tuple(sizes[a:b] for a, b in pairwise(cuts) if b > a)


def scale(size: Size, input_size: Size) -> float:
    """By how much what asks for ``size`` becomes smaller in another input; 1 where it is held."""
    return min(1.0, input_size.height / size.height, input_size.width / size.width)
