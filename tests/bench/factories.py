"""Results to test with: one trial whose samples are whatever the test says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sizewise.specs import EngineSpec, Profile, Size
from sizewise.trials import Block, Cell, Protocol, Result, Trial

SECOND = 1_000_000_000


def trial(replica: int = 0, side: int = 320, batch_size: int = 1) -> Trial:
    size = Size(side, side)
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
        protocol=Protocol(),
        replica=replica,
    )


def result(
    latency_ns: NDArray[np.float64],
    *,
    replica: int = 0,
    start_ns: int = 0,
    valid: Callable[[int, int], bool] = lambda process, number: True,
) -> Result:
    """``latency_ns`` is [processes, rounds, calls]; blocks start a second apart."""
    processes, rounds, _ = latency_ns.shape
    return Result(
        trial=trial(replica),
        status="ok",
        blocks=tuple(
            Block(
                rebuild=0,
                process=process,
                round=number,
                started_ns=start_ns + SECOND * (process * rounds + number),
                latency_ns=tuple(round(v) for v in latency_ns[process, number]),
                cpu_ns=int(latency_ns[process, number].sum()),
                load=0.0,
                clock_mhz=0.0,
                valid=valid(process, number),
            )
            for process in range(processes)
            for number in range(rounds)
        ),
    )
