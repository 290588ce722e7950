"""What an engine pool counts, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EngineCounts:
    """Of one engine since the pool was opened.

    ``requests`` are pictures that it ran, in ``seconds`` altogether, without the time that they
    waited for it. ``switches`` are those before which another engine ran. ``failures`` are calls
    and openings that failed, ``loads`` openings that did not; ``evictions`` are those times that it
    made room for another. ``padding`` is the share (0–1) of its input that no picture filled, over
    all requests.
    """

    name: str
    backend: str
    requests: int
    seconds: float
    switches: int
    failures: int
    loads: int
    evictions: int
    loaded: bool
    memory_mib: float
    padding: float


@dataclass(frozen=True, kw_only=True)
class PoolCounts:
    """Of a pool since it was opened. ``fallbacks`` are pictures that another engine ran than the
    first choice, because that failed; ``memory_mib`` is the memory of the process with the loaded
    engines, as planned."""

    engines: tuple[EngineCounts, ...]
    fallbacks: int
    memory_mib: float
