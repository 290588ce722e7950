"""Results to test with, whose samples are whatever the test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sizewise.core.specs import EngineSpec, Profile, Size
from sizewise.core.trials import Block, Cell, Result, Trial
from tests.sizewise.core.stats.drift import Array

SECOND = 1_000_000_000


def trial(*, replica: int = 0, batch_size: int = 1, harness: int = 2) -> Trial:
    size = Size(320, 320)
    profiles = (Profile.fixed(size),)
    return Trial(
        cell=Cell(
            network="net",
            fusion="none",
            precision="fp32",
            backend="fake",
            strategy="static",
            graph_fusion="all",
            batch_size=batch_size,
            size=size,
        ),
        model_sha256="ab" * 32,
        spec=EngineSpec(
            backend="fake", strategy="static", profiles=profiles, batch_size=batch_size
        ),
        backend_version="1",
        environment_fingerprint="cd" * 32,
        harness=harness,
        replica=replica,
    )


def block(latency_ns: Array, **changes: Any) -> Block:
    """A block of these calls, all warm unless ``cold`` says otherwise."""
    cold = changes.get("cold", 0)
    plain: dict[str, Any] = {
        "wave": 0,
        "round": 0,
        "attempt": 0,
        "rebuild": 0,
        "session": 0,
        "started_ns": 0,
        "latency_ns": tuple(round(v) for v in latency_ns),
        "cold": 0,
        "cpu_ns": round(float(latency_ns[cold:].sum())),
        "load": 0.0,
        "clock_mhz": 0.0,
    }
    return Block(**plain | changes)


def result(
    latency_ns: Array,
    *,
    anchor_ns: Array | None = None,
    first_wave: int = 0,
    session: int = 0,
    rebuild: Callable[[int], int] = lambda wave: 0,
    disturbed: Callable[[int, int], tuple[str, ...]] = lambda wave, number: (),
    batch_size: int = 1,
    harness: int = 2,
) -> Result:
    """``latency_ns`` is [wave, round, call], ``anchor_ns`` [wave, round]."""
    waves, rounds, _ = latency_ns.shape
    return Result(
        trial=trial(batch_size=batch_size, harness=harness),
        status="ok",
        blocks=tuple(
            block(
                latency_ns[wave, number],
                wave=first_wave + wave,
                round=number,
                rebuild=rebuild(wave),
                session=session,
                started_ns=SECOND * ((first_wave + wave) * rounds + number),
                anchor_ns=None if anchor_ns is None else float(anchor_ns[wave, number]),
                disturbed=disturbed(wave, number),
            )
            for wave in range(waves)
            for number in range(rounds)
        ),
    )


def of_medians(log_ms: Array, **options: Any) -> Result:
    """Of log medians in milliseconds [wave, round]: five calls a block, all alike."""
    return result(np.repeat(1e6 * np.exp(log_ms)[..., None], 5, axis=-1), **options)
