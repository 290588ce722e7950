"""Which waves and which attempts at rounds a row is made of, where something disturbed some."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from sizewise.core.trials import Block

Rounds = Mapping[int, Sequence[Block]]
"""The attempts at each round of a wave, in order."""

CLEAN_WAVES = 3
"""With so many clean waves, and no fewer than disturbed ones, the disturbed ones are left out: they
stand in no figure. So a row is mended by measuring again."""


def rounds_of(blocks: Iterable[Block]) -> dict[int, Rounds]:
    """The rounds of each wave that have warm calls, in order."""
    waves: dict[int, dict[int, list[Block]]] = {}
    for block in sorted(blocks, key=lambda b: (b.wave, b.round, b.attempt)):
        if block.warm_ns:
            waves.setdefault(block.wave, {}).setdefault(block.round, []).append(block)
    return dict(waves)


def is_clean(rounds: Rounds) -> bool:
    """Whether half of a wave's rounds, or more, have an undisturbed attempt. Fewer may still tell
    its latency, but from a small part of the time that its process ran."""
    return 2 * len(_undisturbed(rounds)) >= len(rounds)


def counted_waves(waves: Mapping[int, Rounds]) -> list[int]:
    """The waves that a row is made of: the clean ones, or all where these are too few."""
    return counted_of(list(waves), disturbed_of(waves))


def disturbed_of(waves: Mapping[int, Rounds]) -> frozenset[int]:
    """The waves that are not clean."""
    return frozenset(wave for wave, rounds in waves.items() if not is_clean(rounds))


def counted_of(waves: Sequence[int], disturbed: Container[int]) -> list[int]:
    """Those of ``waves`` that a figure is made of: all but the ``disturbed`` ones, or all."""
    clean = [wave for wave in waves if wave not in disturbed]
    return list(waves) if missing_clean(len(clean), len(waves)) else clean


def mending_waves(waves: Mapping[int, Rounds]) -> int:
    """So many more clean waves mend a row; 0 where nothing marks it."""
    return missing_clean(len(waves) - len(disturbed_of(waves)), len(waves))


def missing_clean(clean: int, waves: int) -> int:
    """So many more clean waves leave the disturbed ones out; 0 where there is none to leave out,
    or where they are left out already."""
    return 0 if clean == waves else max(0, CLEAN_WAVES - clean, waves - 2 * clean)


def counted_blocks(waves: Mapping[int, Rounds]) -> Iterator[Block]:
    """The first undisturbed attempt at each round; of a wave that has none, the last attempts."""
    for wave in counted_waves(waves):
        rounds = waves[wave]
        yield from _undisturbed(rounds) or [tries[-1] for tries in rounds.values()]


def _undisturbed(rounds: Rounds) -> list[Block]:
    valid = (next((block for block in tries if block.valid), None) for tries in rounds.values())
    return [block for block in valid if block is not None]
