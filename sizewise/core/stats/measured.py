"""The blocks of a result that count, as logarithms of their medians."""

from __future__ import annotations

import math
import statistics
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sizewise.core.errors import RecordError
from sizewise.core.stats.counting import counted_blocks, disturbed_of, rounds_of
from sizewise.core.stats.estimates import Array
from sizewise.core.trials import Block, Result
from sizewise.core.trials.disturbances import CROWDED

Key = tuple[int, int, int]
"""Wave, round and attempt: what engines measured by turns have in common."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What counts of a result, in the order of waves and rounds.

    ``log_ns`` and ``log_anchor_ns`` (NaN without an anchor) are of each key in ``keys``;
    ``rebuilds`` and ``sessions`` are of each wave in ``waves``. ``disturbed`` are those of them
    that are not clean, which mark a row and its ratios alike (``sizewise.core.stats.counting``).
    ``left_out`` is the number of waves that have samples and do not count. ``taken`` is the median
    share of all cores that other programs and the hypervisor took.
    """

    blocks: tuple[Block, ...]
    keys: Mapping[Key, int]
    log_ns: Array
    log_anchor_ns: Array
    rebuilds: Mapping[int, int]
    sessions: Mapping[int, int]
    disturbed: frozenset[int]
    left_out: int
    taken: float
    _means: dict[tuple[Key, ...], Array] = field(default_factory=dict, repr=False)
    """By the keys that were asked for: a group's results are asked for the same in each pair."""

    @property
    def waves(self) -> tuple[int, ...]:
        return tuple(self.rebuilds)

    @property
    def crowded(self) -> bool:
        """Whether others took too much for any comparison."""
        return self.taken >= CROWDED

    def has(self, keys: tuple[Key, ...]) -> bool:
        return keys in self._means or all(key in self.keys for key in keys)

    def means(self, keys: tuple[Key, ...]) -> Array:
        """The mean of ``log_ns`` in each wave of ``keys``, all of which are here."""
        if keys not in self._means:
            self._means[keys] = by_wave(keys, self.log_ns[[self.keys[key] for key in keys]])
        return self._means[keys]


def measured(result: Result) -> Measured:
    """The blocks of ``result`` that count. Raises RecordError where it has none."""
    known = _known.get(id(result))
    if known is None:
        known = _measure(result)
        _known[id(result)] = known
        weakref.finalize(result, _known.pop, id(result), None).atexit = False
    return known


def is_crowded(result: Result) -> bool:
    """Whether others took so much of the cores that neither its milliseconds nor its ratios
    hold."""
    return bool(result.blocks) and measured(result).crowded


_known: dict[int, Measured] = {}
"""By object: one report compares each result with many, and to compare thousands of samples with
each other, as a key of their own would, takes longer than their medians."""


def _measure(result: Result) -> Measured:
    waves = rounds_of(result.blocks)
    blocks = tuple(counted_blocks(waves))
    if not blocks:
        raise RecordError(
            f"There are no samples of {result.trial.cell.backend} at {result.trial.cell.size}",
            f"the trial is filed as {result.status}",
            "Run the same sizewise bench command again.",
        )
    counted = {b.wave for b in blocks}
    return Measured(
        blocks=blocks,
        keys={(b.wave, b.round, b.attempt): place for place, b in enumerate(blocks)},
        log_ns=np.array([math.log(np.median(b.warm_ns)) for b in blocks]),
        log_anchor_ns=np.array([math.log(b.anchor_ns) if b.anchor_ns else np.nan for b in blocks]),
        rebuilds={b.wave: b.rebuild for b in blocks},
        sessions={b.wave: b.session for b in blocks},
        disturbed=disturbed_of(waves) & counted,
        left_out=len(waves) - len(counted),
        taken=statistics.median(b.taken for b in blocks),
    )


def by_wave(keys: Sequence[Key], values: Array) -> Array:
    """The mean of the values [..., key] of each wave, in the order in which waves appear."""
    starts = [i for i, key in enumerate(keys) if i == 0 or key[0] != keys[i - 1][0]]
    counts = np.diff([*starts, len(keys)])
    return np.asarray(np.add.reduceat(values, starts, axis=-1) / counts)
