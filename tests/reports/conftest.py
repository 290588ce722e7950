"""Records as a sweep would leave them, made up: no engine, no clock, no file unless asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from bench.journal.store import Store
from sizewise.core.environment import Environment
from sizewise.core.specs import EngineSpec, Profile, Size, Strategy
from sizewise.core.trials import (
    Accuracy,
    Block,
    Build,
    Cell,
    Memory,
    Protocol,
    Result,
    Run,
    Status,
    Trial,
)

SIZES = tuple(Size(side, side) for side in (128, 192, 256, 320))
SPEED = {"onnxruntime": 1.0, "openvino": 0.8, "torch_eager": 2.4}
"""Milliseconds per 10,000 pixels of a static engine."""
DYNAMIC_COST = {"onnxruntime": 1.0, "openvino": 1.12, "torch_eager": 1.0}


def environment(cpu: str = "Imaginary CPU @ 3.00GHz", **changes: object) -> Environment:
    made = Environment(
        sizewise="0.1.0",
        python="3.11.2",
        system="Linux x86_64",
        kernel="6.1.0",
        cpu=cpu,
        cpu_flags=("avx2", "avx512f"),
        cores=2,
        memory_bytes=8 * 2**30,
        devices=(),
        packages={"numpy": "2.4.6", "onnxruntime": "1.31.1", "openvino": "2026.4.1"},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Lab:
    """Makes results with a per-process offset and call noise, the same for the same seed. All that
    takes time takes ``pace`` times as long."""

    seed: int = 0
    processes: int = 5
    rounds: int = 4
    noise: float = 0.01
    pace: float = 1.0
    where: Environment = field(default_factory=environment)

    def trial(
        self,
        backend: str = "openvino",
        strategy: Strategy = "static",
        size: Size = SIZES[0],
        *,
        sizes: Sequence[Size] = SIZES,
        precision: str = "fp32",
        network: str = "yolov3",
        fusion: str = "none",
        batch_size: int = 1,
        threads: int = 2,
        model_sha256: str = "a" * 64,
        replica: int = 0,
    ) -> Trial:
        static = strategy == "static"
        return Trial(
            cell=Cell(
                network=network,
                fusion=fusion,
                precision=precision,
                backend=backend,
                strategy=strategy,
                graph_fusion="all",
                batch_size=batch_size,
                size=size,
            ),
            model_sha256=model_sha256,
            spec=EngineSpec(
                backend=backend,
                strategy=strategy,
                profiles=(Profile.fixed(size) if static else Profile.spanning(sizes),),
                batch_size=batch_size,
                threads=threads,
            ),
            backend_version="1.0",
            environment_fingerprint=self.where.fingerprint,
            protocol=Protocol(processes=self.processes, rounds=self.rounds),
            replica=replica,
        )

    def latency_ms(self, trial: Trial) -> float:
        """What the blocks of a trial scatter around."""
        cell = trial.cell
        speed = SPEED.get(cell.backend, 1.0) * (0.5 if cell.precision == "bf16" else 1.0)
        slow = DYNAMIC_COST.get(cell.backend, 1.0) if cell.strategy == "dynamic" else 1.0
        return self.pace * speed * slow * cell.batch_size * cell.size.pixels / 10_000

    def blocks(self, trial: Trial, *, load: float = 0.01) -> tuple[Block, ...]:
        rng = np.random.default_rng([self.seed, int(trial.identity[:8], 16)])
        made = []
        for process in range(self.processes):
            offset = rng.normal(0, self.noise / 2)
            for turn in range(self.rounds):
                noise = np.exp(offset + rng.normal(0, self.noise, 5))
                calls = (self.latency_ms(trial) * 1e6 * noise).astype(int)
                made.append(
                    Block(
                        rebuild=0,
                        process=process,
                        round=turn,
                        started_ns=(process * self.rounds + turn) * 10**9,
                        latency_ns=tuple(int(call) for call in calls),
                        cpu_ns=int(calls.sum() * trial.spec.threads),
                        load=load,
                        clock_mhz=3000.0,
                        valid=True,
                    )
                )
        return tuple(made)

    def ok(self, trial: Trial, *, ap: float | None = None, load: float = 0.01) -> Result:
        side = math.sqrt(trial.cell.size.pixels)
        ap = 0.6 - 30 / side if ap is None else ap
        return Result(
            trial=trial,
            status="ok",
            memory=Memory(peak_bytes=int(150e6 + 400 * side**2), before_bytes=int(90e6)),
            accuracy=Accuracy(images=400, data_sha256="d" * 64, ap=ap, ap50=min(1.0, ap * 1.6)),
            build=Build(
                build_s=self.pace * (0.4 if trial.cell.strategy == "static" else 0.5),
                size_bytes=10 * 2**20,
                achieved=trial.cell.precision,
            ),
            blocks=self.blocks(trial, load=load),
        )

    def bad(self, trial: Trial, status: Status = "failed", reason: str = "") -> Result:
        code = "unsupported_size" if status == "unsupported" else "timeout"
        return Result(
            trial=trial,
            status=status,
            reason_code=code,
            reason=reason or "The engine gave no answer: 60 s were over. Raise the time limit.",
        )

    def sweep(
        self,
        backends: Iterable[str] = ("onnxruntime", "openvino"),
        strategies: Iterable[Strategy] = ("static", "dynamic"),
        sizes: Sequence[Size] = SIZES,
    ) -> tuple[Result, ...]:
        """Every engine at every size, all of them well."""
        return tuple(
            self.ok(self.trial(backend, strategy, size, sizes=sizes))
            for size in sizes
            for backend in backends
            for strategy in strategies
        )

    def run(
        self,
        results: Iterable[Result],
        *,
        started: str = "2026-11-21T10:00:00+00:00",
        command: str = "sizewise bench /home/me/models/digits.onnx --sizes 128:320:64",
        configuration: str = '{"models": ["/home/me/models/digits.onnx"], "threads": 2}',
    ) -> Run:
        return Run(
            started=started,
            environment=self.where,
            configuration=configuration,
            command=command,
            results=tuple(results),
        )

    @staticmethod
    def mend(result: Result, **changes: object) -> Result:
        return replace(result, **changes)  # type: ignore[arg-type]

    @staticmethod
    def file(path: Path, *runs: Run) -> Path:
        """The runs in a results file."""
        with Store.open(path) as store:
            for run in runs:
                store.add_results(store.begin_run(run), run.results)
        return path


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def other_lab() -> Lab:
    """The same on another machine."""
    return Lab(where=environment("Older CPU @ 2.00GHz", cores=8))
