"""Results to test with, whose samples are whatever the test says, and workers in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.planning.protocol import HARNESS
from bench.remote import RemoteWorker
from bench.timing.harness import Turn
from bench.waves.launch import Limits
from bench.waves.measured import Member, State, Turned, Wave, blocks_of
from bench.waves.wave import Watch
from bench.worker import Worker
from sizewise.core.specs import EngineSpec, Profile, Size
from sizewise.core.trials import Cell, Reading, Result, Round, Sample, Trial

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
        harness=HARNESS,
        replica=replica,
    )


def waves(
    latency_ns: NDArray[np.float64],
    *trials: Trial,
    start_ns: int = 0,
    valid: Callable[[int, int], bool] = lambda wave, number: True,
) -> tuple[Wave, ...]:
    """``latency_ns`` is [waves, rounds, calls], the same for each of ``trials``; rounds start a
    second apart."""
    counts = latency_ns.shape[:2]
    return tuple(
        Wave(
            size=trials[0].cell.size,
            number=wave,
            rebuild=0,
            anchor="",
            started_ns=start_ns + SECOND * wave * counts[1],
            ended_ns=start_ns + SECOND * (wave + 1) * counts[1],
            rounds=tuple(
                a_round(
                    number, start_ns + SECOND * (wave * counts[1] + number), valid(wave, number)
                )
                for number in range(counts[1])
            ),
            members=tuple(
                Member(trial=one, state=State(), turns=turns(latency_ns[wave], wave, start_ns))
                for one in trials
            ),
        )
        for wave in range(counts[0])
    )


def a_round(number: int, started_ns: int, valid: bool) -> Round:
    return Round(
        number=number,
        attempt=0,
        started_ns=started_ns,
        ended_ns=started_ns + SECOND // 2,
        reading=Reading(),
        disturbed=() if valid else ("load",),
    )


def turns(latency_ns: NDArray[np.float64], wave: int, start_ns: int) -> tuple[Turned, ...]:
    return tuple(
        Turned(
            round=number,
            attempt=0,
            sample=Sample(
                started_ns=start_ns + SECOND * (wave * len(latency_ns) + number),
                latency_ns=tuple(round(v) for v in calls),
                cpu_ns=int(calls.sum()),
            ),
        )
        for number, calls in enumerate(latency_ns)
    )


def result(
    latency_ns: NDArray[np.float64],
    *,
    replica: int = 0,
    start_ns: int = 0,
    valid: Callable[[int, int], bool] = lambda wave, number: True,
) -> Result:
    """``latency_ns`` is [waves, rounds, calls]; rounds start a second apart."""
    one = trial(replica)
    blocks = [
        block
        for number, wave in enumerate(waves(latency_ns, one, start_ns=start_ns, valid=valid))
        for block in blocks_of(wave, number + 1, session=1)[one.identity]
    ]
    return Result(trial=one, status="ok", blocks=tuple(blocks))


class Quiet:
    """Watches nothing: no load, no anchor."""

    anchor = ""
    stopped_s = 0.0

    def begin_wave(self) -> None:
        """There is no anchor."""

    def begin(self, pids: Sequence[int]) -> None:
        del pids

    def measure_anchor(self, turn: Turn) -> Sample | None:
        del turn
        return None

    def end(self, pids: Sequence[int]) -> Reading:
        del pids
        return Reading()

    def disturbances(self, reading: Reading, anchor: Sample | None) -> tuple[str, ...]:
        del reading, anchor
        return ()


@contextmanager
def quietly(limits: Limits, remark: Callable[[str], None]) -> Iterator[Watch]:
    """The watch of a sweep on a machine without any disturbance."""
    del limits, remark
    yield Quiet()


class InProcess:
    """A worker without a process of its own; what passes is JSON all the same."""

    pid = os.getpid()

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
