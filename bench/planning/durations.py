"""About how long waves take: their turns, and what is timed beside the rounds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.planning.plan import Planned
from bench.planning.protocol import Protocol
from bench.running import PICTURES
from bench.timing.apart import another_shape
from bench.waves.member import APART_WAVES, PART_CALLS
from sizewise.core.stats import summarize
from sizewise.core.trials import Result

_ASSUMED_S = 0.01
"""A call, where none of its trial, or of the anchor, is on file."""
_OPENING_S = 2.0
"""To start a process, load its library and open its engine."""
_PICTURE_S = 0.05
"""To decode a picture, scale it and find the objects, where that is not on file."""
_LONG_S = 1.0
"""One call that takes longer is enough for a turn."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine, what is on file of it, and in how many waves it has been measured."""

    planned: Planned
    known: Result
    waves: int


def waves_s(protocol: Protocol, engines: Sequence[Engine], waves: int, *, disturbed: bool) -> float:
    """Seconds of so many waves of these engines by turns. In ``disturbed`` ones, rounds are
    measured again as often as a wave allows."""
    turns = protocol.rounds + (protocol.rounds // 2 if disturbed else 0)
    each_s = turns * _turn_s(protocol, _anchor_call_s(engine.known for engine in engines))
    apart_s = 0.0
    for engine in engines:
        call_s = _call_s(engine.known)
        each_s += _OPENING_S + max(1, protocol.warmup_calls) * call_s
        each_s += turns * _turn_s(protocol, call_s)
        apart_s += max(0, min(waves, APART_WAVES - engine.waves)) * _apart_s(protocol, engine)
    return waves * each_s + apart_s


def _turn_s(protocol: Protocol, call_s: float) -> float:
    if call_s > _LONG_S:
        return protocol.pause_s + min(1, protocol.cold_calls) * call_s + call_s
    warm_s = max(protocol.block_s, protocol.block_calls * call_s)
    return protocol.pause_s + protocol.cold_calls * call_s + warm_s


def _call_s(known: Result) -> float:
    return summarize(known).latency_ms.point / 1e3 if known.blocks else _ASSUMED_S


def _anchor_call_s(known: Iterable[Result]) -> float:
    blocks = (block for one in known for block in one.blocks)
    found = [block.anchor_ns for block in blocks if block.anchor_ns is not None]
    return statistics.median(found) / 1e9 if found else _ASSUMED_S


def _apart_s(protocol: Protocol, engine: Engine) -> float:
    """The parts of a call, the change to another shape and back, the walk over all sizes (a larger
    one takes longer, about as its pixels), and the way from picture to objects."""
    spec, size = engine.planned.trial.spec, engine.planned.trial.cell.size
    calls = float(PART_CALLS if engine.known.parts else 0)
    if other := another_shape(spec, size):
        batch_size, another = other
        there = batch_size * another.pixels / (spec.batch_size * size.pixels)
        calls += 2 * protocol.block_calls * there + 1
    if len(spec.sizes) > 1:
        calls += sum(one.pixels / size.pixels for one in spec.sizes) + 1
    return calls * _call_s(engine.known) + _pictures_s(engine)


def _median_s(known: Result, name: str) -> float:
    """Of a part of the way from pictures to objects; 0 where it is unknown."""
    taken = [ns for part in known.end_to_end if part.name == name for ns in part.latency_ns]
    return statistics.median(taken) / 1e9 if taken else 0.0


def _pictures_s(engine: Engine) -> float:
    if not engine.planned.data:
        return 0.0
    batch_size = engine.planned.trial.spec.batch_size
    known = [_median_s(engine.known, name) for name in ("read", "whole")]
    batch_s = sum(known) if all(known) else _call_s(engine.known) + batch_size * _PICTURE_S
    return (1 + math.ceil(PICTURES / batch_size)) * batch_s
