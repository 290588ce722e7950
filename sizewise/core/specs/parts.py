"""Parts of an output: channels that mean one thing, such as boxes or scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Channels ``start`` to before ``stop`` (None: to the last) along ``axis`` of an output.

    With a ``period`` they are those of every so many channels, as in a head of several anchors.
    """

    name: str
    axis: int
    start: int = 0
    stop: int | None = None
    period: int | None = None

    def of(self, output: Array) -> Array:
        """Its values in ``output``, with as many axes; a view where it has no period."""
        if self.period is None:
            before = (slice(None),) * self.axis
            return output[(*before, slice(self.start, self.stop))]
        stop = self.period if self.stop is None else self.stop
        channels = range(output.shape[self.axis])
        chosen = [self.start <= place % self.period < stop for place in channels]
        return output.compress(chosen, axis=self.axis)


WHOLE = Part(name="", axis=0)
"""All values of an output that has an axis."""


def divided(output: Array, parts: Sequence[Part]) -> Iterator[tuple[str, Array]]:
    """The name and the values of each of ``parts`` that has channels in ``output``; without any,
    the whole output under an empty name."""
    there = ((part, part.of(output)) for part in parts if part.axis < output.ndim)
    filled = [(part.name, values) for part, values in there if values.shape[part.axis]]
    yield from filled or [("", output)]
