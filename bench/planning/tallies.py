"""How many waves each trial has: so much stays in memory of what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sizewise.core.stats.counting import disturbed_of, missing_clean, rounds_of
from sizewise.core.trials import Block


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The ``waves`` in which a trial has samples: how many there are, how many of them are
    ``disturbed`` (not clean) and ``in_this_run``, and how many each of its ``builds`` has."""

    waves: int = 0
    disturbed: int = 0
    in_this_run: int = 0
    builds: Mapping[int, int] = field(default_factory=dict)

    def with_waves(self, blocks: Iterable[Block], *, of_this_run: bool) -> Tally:
        """Count the waves of ``blocks``, all of which are new, too."""
        found = rounds_of(blocks)
        rebuilds = (next(iter(rounds.values()))[0].rebuild for rounds in found.values())
        return Tally(
            waves=self.waves + len(found),
            disturbed=self.disturbed + len(disturbed_of(found)),
            in_this_run=self.in_this_run + (len(found) if of_this_run else 0),
            builds=Counter(self.builds) + Counter(rebuilds),
        )

    @property
    def mending(self) -> int:
        """So many more clean waves mend its row; 0 where nothing marks it."""
        return missing_clean(self.waves - self.disturbed, self.waves)
