"""A claim of the method, and the machines that claims are counted on.

The seed was written down before any outcome of it was seen.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from tests.sizewise.core.stats.groups import Count
from tests.sizewise.core.stats.simulated import LOADED, QUIET, SHARED

SEED = 20261126
MANY = 20_000
"""A share of 2 % is then known to ± 0.2 points."""
MACHINES = {"quiet": QUIET, "shared": SHARED, "loaded": LOADED}
DRIFTING = {
    name: replace(machine, drift=0.10, drift_s=60.0, bursts=0.02, burst=burst)
    for (name, machine), burst in zip(MACHINES.items(), (0.1, 0.3, 0.3), strict=True)
}
"""With drift of 10 % (AR(1), 60 s), and in one of fifty blocks a burst."""


class Campaign(Protocol):
    def __call__(self, random: np.random.Generator, *, groups: int) -> Count: ...


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The share of cases that ``says`` is from ``low`` to ``high``. ``required`` claims are those
    of the method; others only show a figure. A ``comparison`` is none of the method's: it shows
    what another way of measuring gives."""

    name: str
    says: str
    run: Campaign
    groups: int = MANY
    low: float = 0.0
    high: float = 1.0
    required: bool = True
    comparison: bool = False

    def count(self, *, seed: int = SEED, groups: int | None = None) -> Count:
        """The outcome, always the same for a seed and a number of groups."""
        random = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        return self.run(random, groups=groups or self.groups)

    def holds(self, found: Count) -> bool:
        return self.low <= found.share <= self.high
