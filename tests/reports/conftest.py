"""Records as a sweep would leave them, made up: no engine, no clock, no file unless asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from bench.journal.store import Store
from bench.planning.protocol import HARNESS
from bench.waves.measured import Member, State, Turned, Wave
from sizewise.core.machine.environment import Environment
from sizewise.core.specs import EngineSpec, Profile, Size, Strategy
from sizewise.core.trials import (
    Accuracy,
    Block,
    Build,
    Cell,
    Memory,
    Reading,
    Result,
    Round,
    Run,
    Sample,
    Status,
    Trial,
)

SIZES = tuple(Size(side, side) for side in (128, 192, 256, 320))
SPEED = {"onnxruntime": 1.0, "openvino": 0.8, "torch_eager": 2.4}
"""Milliseconds per 10,000 pixels of a static engine."""
DYNAMIC_COST = {"onnxruntime": 1.0, "openvino": 1.12, "torch_eager": 1.0}
COLD, WARM = 2, 5
"""Calls of a turn."""
CONFIGURATION = (
    '{"models": ["/home/me/models/digits.onnx"], "settings": {"rigor": "standard", "rounds": 4}}'
)


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
        cpu_model="cpu family 6, model 1, stepping 2",
        physical_cores=2,
        microcode="0x1",
        boot="b007b007-0000",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Lab:
    """Makes results with a per-process offset and call noise, the same for the same seed. All that
    takes time takes ``pace`` times as long. Engines of one size have their waves in common, and an
    anchor ties the sizes of one run (``session``); the first two calls of a turn are cold."""

    seed: int = 0
    processes: int = 5
    rounds: int = 4
    noise: float = 0.01
    pace: float = 1.0
    session: int = 1
    anchored: bool = True
    harness: int = HARNESS
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
                thread_policy="threads wait",
            ),
            backend_version="1.0",
            environment_fingerprint=self.where.fingerprint,
            harness=self.harness,
            replica=replica,
        )

    def latency_ms(self, trial: Trial) -> float:
        """What the blocks of a trial scatter around."""
        cell = trial.cell
        speed = SPEED.get(cell.backend, 1.0) * (0.5 if cell.precision == "bf16" else 1.0)
        slow = DYNAMIC_COST.get(cell.backend, 1.0) if cell.strategy == "dynamic" else 1.0
        return self.pace * speed * slow * cell.batch_size * cell.size.pixels / 10_000

    def blocks(self, trial: Trial, *, disturbed: tuple[str, ...] = ()) -> tuple[Block, ...]:
        rng = np.random.default_rng([self.seed, int(trial.identity[:8], 16)])
        return tuple(
            block
            for process in range(self.processes)
            for block in self._process(trial, process, rng, disturbed)
        )

    def _process(
        self,
        trial: Trial,
        process: int,
        rng: np.random.Generator,
        disturbed: tuple[str, ...],
    ) -> Iterator[Block]:
        size = trial.cell.size
        offset = rng.normal(0, self.noise / 2)
        for turn in range(self.rounds):
            noise = np.exp(offset + rng.normal(0, self.noise, COLD + WARM))
            noise[:COLD] *= 2
            calls = (self.latency_ms(trial) * 1e6 * noise).astype(int)
            yield Block(
                wave=((self.session * 4096 + size.height) * 4096 + size.width) * 64 + process,
                round=turn,
                attempt=0,
                rebuild=0,
                session=self.session,
                started_ns=(process * self.rounds + turn) * 10**9,
                latency_ns=tuple(int(call) for call in calls),
                cold=COLD,
                cpu_ns=int(calls[COLD:].sum() * trial.spec.threads),
                load=0.01,
                clock_mhz=3000.0,
                anchor_ns=self.pace * 5e6 if self.anchored else None,
                anchor="anchor 1" if self.anchored else "",
                disturbed=disturbed,
            )

    def ok(
        self, trial: Trial, *, ap: float | None = None, disturbed: tuple[str, ...] = ()
    ) -> Result:
        side = math.sqrt(trial.cell.size.pixels)
        ap = 0.6 - 30 / side if ap is None else ap
        peak = int(150e6 + 400 * side**2)
        return Result(
            trial=trial,
            status="ok",
            memory=(Memory(peak_bytes=peak, before_bytes=int(90e6)),) * self.processes,
            accuracy=Accuracy(images=400, data_sha256="d" * 64, ap=ap, ap50=min(1.0, ap * 1.6)),
            builds=(
                Build(
                    build_s=self.pace * (0.4 if trial.cell.strategy == "static" else 0.5),
                    size_bytes=10 * 2**20,
                    achieved=trial.cell.precision,
                ),
            ),
            blocks=self.blocks(trial, disturbed=disturbed),
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
        configuration: str = CONFIGURATION,
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
                number = store.begin_run(run)
                for result in run.results:
                    store.note(number, result.trial, state_of(result), result.builds)
                for wave in waves_of(run.results):
                    store.add_wave(number, wave)
                for result in run.results:
                    if result.accuracy is not None:
                        store.add_accuracy(number, result.trial, result.accuracy)
        return path


def state_of(result: Result) -> State:
    return State(status=result.status, reason_code=result.reason_code, reason=result.reason)


def waves_of(results: Sequence[Result]) -> Iterator[Wave]:
    """The waves that the blocks of ``results`` say they were measured in."""
    blocks = {block.wave: block for result in results for block in result.blocks}
    for number, example in sorted(blocks.items()):
        own = {
            result.trial: [block for block in result.blocks if block.wave == number]
            for result in results
        }
        sharing = {trial: blocks for trial, blocks in own.items() if blocks}
        attempts = {(b.round, b.attempt): b for found in sharing.values() for b in found}
        yield Wave(
            size=next(iter(sharing)).cell.size,
            number=number,
            rebuild=example.rebuild,
            anchor=example.anchor,
            started_ns=example.started_ns,
            ended_ns=example.started_ns + 10**12,
            rounds=tuple(_round(block) for block in attempts.values()),
            members=tuple(
                _member(result, sharing[result.trial])
                for result in results
                if result.trial in sharing
            ),
        )


def _round(block: Block) -> Round:
    anchor = None
    if block.anchor_ns is not None:
        anchor = Sample(started_ns=0, latency_ns=(round(block.anchor_ns),), cpu_ns=1)
    return Round(
        number=block.round,
        attempt=block.attempt,
        started_ns=block.started_ns,
        ended_ns=block.started_ns + 10**9,
        reading=Reading(load=block.load, clock_mhz=block.clock_mhz),
        anchor=anchor,
        disturbed=block.disturbed,
    )


def _member(result: Result, blocks: Sequence[Block]) -> Member:
    samples = {
        (b.round, b.attempt): Sample(
            started_ns=b.started_ns, latency_ns=b.latency_ns, cpu_ns=b.cpu_ns, cold=b.cold
        )
        for b in blocks
    }
    return Member(
        trial=result.trial,
        state=state_of(result),
        builds=result.builds,
        turns=tuple(
            Turned(round=number, attempt=attempt, sample=sample)
            for (number, attempt), sample in samples.items()
        ),
        memory=next(iter(result.memory), None),
    )


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def other_lab() -> Lab:
    """The same on another machine."""
    return Lab(where=environment("Older CPU @ 2.00GHz", cores=8))
