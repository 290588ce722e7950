"""Results to test with, whose samples are whatever the test says, and workers in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.launch import Limits
from bench.remote import RemoteWorker
from bench.worker import Worker
from sizewise.core.specs import EngineSpec, Profile, Size
from sizewise.core.trials import Block, Cell, Protocol, Result, Trial

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


class InProcess:
    """A worker without a process of its own; what passes is JSON all the same."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        arguments = json.loads(json.dumps(arguments))
        if method == "__init__":
            self._worker = Worker(**arguments)
            self._open.callback(self._worker.close)
            return None
        return json.loads(json.dumps(getattr(self._worker, method)(**arguments)))

    def close(self) -> None:
        self._open.close()


def launch_in_process(limits: Limits) -> RemoteWorker:
    return RemoteWorker(InProcess(), timeout_s=limits.timeout_s)
