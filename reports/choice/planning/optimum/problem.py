"""The choice of engines as numbers: sizes that come, engines that could serve them, and limits.

It is a facility location: an engine that is loaded costs memory, and each size is served by one of
those that are loaded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sizewise.core.specs import Size

_EVEN = 1e-9
"""By so much, sums may exceed a limit: they are rounded."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What it takes to serve a size: milliseconds of a picture, its accuracy (0–1; NaN where that
    is not known), the share of its pictures that are too late (0–1), and the input they run at."""

    ms: float
    accuracy: float = math.nan
    late: float = 0.0
    input: Size | None = None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A way to use an engine that could be loaded: what that adds to the memory of the process, and
    how it serves sizes, by their numbers. It can't serve the others.

    Candidates of one ``engine`` (empty: the candidate's own name) share its memory, and engines of
    one ``library`` (empty: none) what that takes. A picture takes
    ``switch_ms`` longer where the one before it ran at another input, or in another engine.
    """

    name: str
    memory_mib: float
    serves: Mapping[int, Serving]
    engine: str = ""
    library: str = ""
    switch_ms: float = 0.0

    @property
    def loads(self) -> str:
        """The engine that it takes."""
        return self.engine or self.name


@dataclass(frozen=True, kw_only=True)
class Problem:
    """``shares`` of the traffic by size, which add up to 1; ``memory_mib`` is that of the process
    without engines, and ``libraries`` what each of them adds to it.

    ``switches`` are the shares of pictures that come after one of another size, by both numbers.
    Limits are None where there is none: on memory, engines, the mean accuracy, and the share of
    pictures that may be late.
    """

    shares: Sequence[float]
    candidates: Sequence[Candidate]
    memory_mib: float = 0.0
    libraries: Mapping[str, float] = field(default_factory=dict)
    switches: Mapping[tuple[int, int], float] = field(default_factory=dict)
    max_memory_mib: float | None = None
    max_engines: int | None = None
    min_accuracy: float | None = None
    max_late: float | None = None

    @cached_property
    def engines(self) -> Mapping[str, float]:
        """The memory of each engine."""
        return {one.loads: one.memory_mib for one in self.candidates}

    @property
    def is_servable(self) -> bool:
        """Whether each size can be served."""
        return len({size for one in self.candidates for size in one.serves}) == len(self.shares)

    @cached_property
    def library_of(self) -> Mapping[str, str]:
        """The library of each engine that has one."""
        return {one.loads: one.library for one in self.candidates if one.library}

    def mean_ms(self, served: Sequence[int]) -> float:
        """Of a picture, where ``served`` has the candidate of each size."""
        calls = sum(share * one.ms for share, one in self._servings(served))
        return calls + sum(
            share * self.candidates[served[b]].switch_ms
            for (a, b), share in self.switches.items()
            if not self.is_same_place(served[a], a, served[b], b)
        )

    def is_same_place(self, one: int, size: int, other: int, size_after: int) -> bool:
        """Whether two sizes run in one engine at one input, each served by its candidate."""
        a, b = self.candidates[one], self.candidates[other]
        if a.loads != b.loads:
            return False
        inputs = a.serves[size].input, b.serves[size_after].input
        return inputs == (None, None) or inputs[0] == inputs[1]

    def accuracy(self, served: Sequence[int]) -> float:
        """The mean over the pictures."""
        return sum(share * one.accuracy for share, one in self._servings(served))

    def loaded(self, served: Sequence[int]) -> tuple[str, ...]:
        """The engines that serve."""
        return tuple(sorted({self.candidates[one].loads for one in served}))

    def memory_of(self, served: Sequence[int]) -> float:
        loaded = self.loaded(served)
        libraries = {self.library_of[one] for one in loaded if one in self.library_of}
        engines = sum(self.engines[one] for one in loaded)
        return self.process_mib(libraries) + engines

    def process_mib(self, libraries: Iterable[str]) -> float:
        """Memory of the process without engines, with these libraries."""
        return self.memory_mib + sum(self.libraries[one] for one in set(libraries))

    def fits(self, served: Sequence[int]) -> bool:
        """Whether the engines that serve keep to the limits."""
        late = sum(share * one.late for share, one in self._servings(served))
        return (
            _at_most(self.memory_of(served), self.max_memory_mib)
            and _at_most(len(self.loaded(served)), self.max_engines)
            and (self.min_accuracy is None or self.accuracy(served) >= self.min_accuracy - _EVEN)
            and _at_most(late, self.max_late)
        )

    def _servings(self, served: Sequence[int]) -> Iterator[tuple[float, Serving]]:
        for size, (share, one) in enumerate(zip(self.shares, served, strict=True)):
            yield share, self.candidates[one].serves[size]


def _at_most(value: float, limit: float | None) -> bool:
    return limit is None or value <= limit + _EVEN
