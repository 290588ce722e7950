"""Which waves and which attempts at rounds a row is made of, where something disturbed some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sizewise.core.trials import Block

Rounds = Mapping[int, Sequence[Block]]
"""The attempts at each round of a wave, in order."""

CLEAN_WAVES = 3
"""With so many clean waves, and no fewer than disturbed ones, the disturbed ones stand in no
figure: so a row is mended by measuring again."""


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
    clean = [wave for wave, rounds in waves.items() if is_clean(rounds)]
    enough = len(clean) >= CLEAN_WAVES and 2 * len(clean) >= len(waves)
    return clean if enough else list(waves)


def counted_blocks(waves: Mapping[int, Rounds]) -> Iterator[Block]:
    """The first undisturbed attempt at each round; of a wave that has none, the last attempts."""
    for wave in counted_waves(waves):
        rounds = waves[wave]
        yield from _undisturbed(rounds) or [tries[-1] for tries in rounds.values()]


def _undisturbed(rounds: Rounds) -> list[Block]:
    valid = (next((block for block in tries if block.valid), None) for tries in rounds.values())
    return [block for block in valid if block is not None]
