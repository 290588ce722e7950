"""Engines of a plan over a stream of pictures, in a child, as its caller sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.remote import answered
from sizewise.core.children.child import run_in_child
from sizewise.core.specs import Size

_MS = 1e-6
_FEWEST = 100
"""Pictures that tell the speed of a stream."""
_BARE_TIMEOUT_S = 300.0
Place = tuple[int, Size]
"""The number of an engine, and an input size."""


@dataclass(frozen=True, kw_only=True)
class _Streamed:
    stream_ns: tuple[int, ...]
    alone_ns: tuple[tuple[int, ...], ...]
    inputs_bytes: int
    resident_bytes: int | None
    device_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """Milliseconds of each picture in order, and of calls at each place alone, which stand between
    them; bytes of the process with the engines and without their inputs; on a GPU, there (None: the
    system does not say)."""

    places: tuple[Place, ...]
    order: tuple[int, ...]
    stream_ms: tuple[float, ...]
    alone_ms: tuple[float, ...]
    resident_bytes: int | None

    def place_ms(self) -> NDArray[np.float64]:
        """What a picture takes at each place where none before it ran elsewhere."""
        return np.array(self.alone_ms) * self._pace

    def switch_ms(self) -> Mapping[int, float]:
        """What a picture takes longer, by engine, where another place ran before it; below 0 where
        it took less."""
        order, changed = np.array(self.order)[1:], self._changed
        longer = (np.array(self.stream_ms) - self._expected_ms)[1:]
        engine = np.array([engine for engine, _ in self.places])[order]
        return {
            int(one): float(longer[changed & (engine == one)].mean())
            for one in np.unique(engine[changed])
        }

    def ratios(self) -> NDArray[np.float64]:
        """What each picture takes over the calls at its place alone, changes included."""
        return np.asarray(np.array(self.stream_ms) / self._expected_ms)

    @cached_property
    def _changed(self) -> NDArray[np.bool_]:
        """Whether another place ran before, from the second picture on."""
        order = np.array(self.order)
        return np.asarray(order[1:] != order[:-1])

    @property
    def _expected_ms(self) -> NDArray[np.float64]:
        """Of each picture, without a change."""
        return np.asarray(self.place_ms()[np.array(self.order)])

    @cached_property
    def _pace(self) -> float:
        """What calls take in the stream, over those alone: pictures that come to the place of the
        one before tell it, where they are many."""
        alone = np.array(self.alone_ms)[np.array(self.order)]
        same = np.append(False, ~self._changed)
        if np.count_nonzero(same) < _FEWEST:
            return 1.0
        return float(np.array(self.stream_ms)[same].sum() / alone[same].sum())


def stream(
    engines: Sequence[Path],
    places: Sequence[Place],
    order: Sequence[int],
    *,
    calls: int,
    timeout_s: float,
    memory_limit_bytes: int | None = None,
) -> Streamed:
    """Run the engines in these folders, all in one child, over the places of ``order``.

    Raises EngineError, and ChildError where the child crashes, hangs or outgrows its memory.
    """
    given = run_in_child(
        "bench.timing.stream:run_stream",
        {
            "engines": [str(path) for path in engines],
            "places": [[number, str(size)] for number, size in places],
            "order": list(order),
            "calls": calls,
        },
        timeout_s=timeout_s,
        memory_limit_bytes=memory_limit_bytes,
    )
    found = answered(given, _Streamed, of="The stream")
    return Streamed(
        places=tuple(places),
        order=tuple(order),
        stream_ms=tuple(ns * _MS for ns in found.stream_ns),
        alone_ms=tuple(float(np.mean(calls_ns)) * _MS for calls_ns in found.alone_ns),
        resident_bytes=found.device_bytes or _without_inputs(found),
    )


def bare_bytes() -> int | None:
    """Memory of a child that has loaded no library; None where the system does not say. Raises
    ChildError."""
    given = run_in_child("bench.timing.bare:peak", {}, timeout_s=_BARE_TIMEOUT_S)
    return None if given is None else answered(given, int, of="An empty process")


def _without_inputs(found: _Streamed) -> int | None:
    """A server holds one picture at a time, and not one of each size."""
    return None if found.resident_bytes is None else found.resident_bytes - found.inputs_bytes
