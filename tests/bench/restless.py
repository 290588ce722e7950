"""A machine that disturbs rounds at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.waves.launch import Limits
from bench.waves.watching import Watching
from bench.waves.wave import Watch
from sizewise.core.trials import Reading, Sample
from tests.bench.factories import Quiet


class Restless(Quiet):
    """Disturbs this share of the rounds."""

    def __init__(self, seed: int, share: float) -> None:
        self._chance, self._share = random.Random(seed), share

    def disturbances(self, reading: Reading, anchor: Sample | None) -> tuple[str, ...]:
        del reading, anchor
        return ("load",) if self._chance.random() < self._share else ()


def restlessly(seed: int, share: float) -> Watching:
    """The watch of a sweep on such a machine."""

    @contextmanager
    def watch(limits: Limits, remark: Callable[[str], None]) -> Iterator[Watch]:
        del limits, remark
        yield Restless(seed, share)

    return watch
