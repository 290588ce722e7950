"""Sizes of pictures in the order in which they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from sizewise.core.errors import InputError
from sizewise.core.options.limits import TRAFFIC
from sizewise.core.specs import Size


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """``stream`` has the size of each picture, in order; ``made`` says where it comes from."""

    name: str
    made: str
    stream: tuple[Size, ...]

    @classmethod
    def of(cls, sizes: Iterable[Size], *, name: str, made: str) -> Self:
        """Raises InputError where there is no size, or more than the limit."""
        stream: list[Size] = []
        known: dict[Size, Size] = {}  # one object for equal sizes: millions of them come
        for size in sizes:
            stream.append(known.setdefault(size, size))
            if why := TRAFFIC.excess(len(stream)):
                raise InputError(f"The traffic of {name} was not read whole", why, TRAFFIC.todo)
        if not stream:
            raise InputError(
                f"There is no traffic in {name}",
                "it has no size of a picture",
                "Give what has some: a folder of pictures, a CSV with width and height, or a log.",
            )
        return cls(name=name, made=made, stream=tuple(stream))

    @property
    def counts(self) -> Mapping[Size, int]:
        """How many pictures have each size, the most frequent first."""
        return dict(Counter(self.stream).most_common())

    @property
    def changes(self) -> int:
        """How often a picture has another size than the one before it."""
        return sum(one != other for one, other in pairwise(self.stream))
