"""Audits whose figures are whatever a test says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.audit.audited import Audit, Skipped
from bench.audit.models import CHAIN_SIZE, chain_name
from bench.audit.null import Overhead, Quantiles
from bench.audit.parity import Parity
from bench.audit.sight import Seen, Sight
from bench.audit.turns import PairedWave, SideTurns
from bench.audit.twins import FEW, MANY, Twins, judge
from bench.remote import RemoteWorker
from engines.backends.fake import FakeOptions
from engines.store.cache import obtain_engine
from sizewise.core import codec
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size
from sizewise.core.trials import Block, Cell, Result, Sample, Trial
from tests.engines.nets import write_net

MS = 1_000_000
FAST = Quantiles(median_ns=300.0, p99_ns=500.0)
SLOW = Quantiles(median_ns=9_000.0, p99_ns=30_000.0)


class ScriptedWorker:
    """A channel to a worker whose warm calls take what ``latency`` says of each turn, and whose
    cold ones take ten times as long. Its calls are noted in ``log``."""

    pid = 4711

    def __init__(self, name: str, latency: Callable[[int], float], log: list[str]) -> None:
        self._name, self._latency, self._log = name, latency, log
        self._turns = 0
        log.append(f"{name} starts")

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        json.dumps(arguments)  # it would cross to another process
        self._log.append(f"{self._name} {method}")
        if method != "measure":
            return 0
        latency_ns = round(self._latency(self._turns))
        self._turns += 1
        turns = (10 * latency_ns,) * 2 + (latency_ns,) * 5
        sample = Sample(started_ns=0, latency_ns=turns, cold=2, cpu_ns=7 * latency_ns)
        return codec.to_plain(sample)

    def close(self) -> None:
        self._log.append(f"{self._name} ends")

    def remote(self) -> RemoteWorker:
        return RemoteWorker(self, timeout_s=1)


def waves(*log_ratios: float, rounds: int = 3, cpu: float = 1.0) -> tuple[PairedWave, ...]:
    """Waves with these logarithms of the ratio, in which the first side has ``cpu`` of a core."""
    return tuple(
        PairedWave(
            first=SideTurns(median_ns=(MS * float(np.exp(one)),) * rounds, cpu_share=cpu),
            second=SideTurns(median_ns=(float(MS),) * rounds, cpu_share=1.0),
        )
        for one in log_ratios
    )


def parity(ratio: float, half_width: float, label: str = "a cell", cpu: float = 1.0) -> Parity:
    """A cell with about this interval."""
    spread = float(np.log1p(half_width)) * 8**0.5 / 2.365  # Student's t of eight waves
    off = spread * np.array([-1, 1] * 4) / (8 / 7) ** 0.5
    return Parity(label=label, waves=waves(*(float(np.log(ratio)) + off), cpu=cpu))


def twins(
    ratio: float = 1.095,
    noise: float = 0.005,
    same: float = 1.0,
    seed: int = 0,
    processes: int = 8,
    *,
    disturbed: Callable[[int, int], bool] = lambda wave, number: False,
    taken: float = 0.0,
) -> Twins:
    """Two replicas each of two networks, whose latencies differ by ``ratio``; the second replica
    of each takes ``same`` times as long as the first. ``disturbed`` says so of a wave's round, and
    ``taken`` is the share of the cores that others took."""
    random = np.random.default_rng(seed)
    found = [
        _result(network, replica, base * same**replica, noise, waves=processes, random=random)
        for network, base in ((chain_name(FEW), 5 * MS), (chain_name(MANY), ratio * 5 * MS))
        for replica in (0, 1)
    ]
    results = [_disturbed(one, disturbed, taken) for one in found]
    return judge({one.trial.identity: one for one in results})


def _disturbed(result: Result, disturbed: Callable[[int, int], bool], taken: float) -> Result:
    blocks = (
        replace(
            block,
            disturbed=("load",) if disturbed(block.wave - 1, block.round) else (),
            taken=taken,
        )
        for block in result.blocks
    )
    return replace(result, blocks=tuple(blocks))


def _result(
    network: str,
    replica: int,
    base_ns: float,
    noise: float,
    *,
    waves: int,
    random: np.random.Generator,
) -> Result:
    trial = Trial(
        cell=Cell(
            network=network,
            fusion="none",
            precision="fp32",
            backend="fake",
            strategy="static",
            graph_fusion="all",
            batch_size=1,
            size=CHAIN_SIZE,
        ),
        model_sha256=network,
        spec=EngineSpec(backend="fake", strategy="static", profiles=(Profile.fixed(CHAIN_SIZE),)),
        backend_version="1",
        environment_fingerprint="ab" * 32,
        harness=2,
        replica=replica,
    )
    blocks = tuple(
        _block(wave, number, base_ns, noise, random) for wave in range(waves) for number in range(4)
    )
    return Result(trial=trial, status="ok", blocks=blocks)


def _block(
    wave: int, number: int, base_ns: float, noise: float, random: np.random.Generator
) -> Block:
    latency_ns = base_ns * np.exp(noise * random.standard_normal(6))
    return Block(
        wave=wave + 1,
        round=number,
        attempt=0,
        rebuild=0,
        session=1,
        started_ns=wave * 4 + number,
        latency_ns=tuple(round(one) for one in latency_ns),
        cold=1,
        cpu_ns=1,
        load=0.0,
        clock_mhz=0.0,
        anchor_ns=MS * float(np.exp(noise * _machine(wave, number))),
        anchor="anchor",
    )


def _machine(wave: int, number: int) -> float:
    """The machine's own deviation in a round, which all engines of it share."""
    return float(np.random.default_rng((wave, number)).standard_normal())


def fake_engine(folder: Path, size: Size, threads: int = 1) -> tuple[ExportedModel, EngineArtifact]:
    """An engine of the fake back end, built in this process where ``built_here`` is used."""
    model = write_net(folder / "net.onnx")
    spec = EngineSpec(
        backend="fake",
        strategy="static",
        profiles=(Profile.fixed(size),),
        threads=threads,
        options=FakeOptions(),
    )
    return model, obtain_engine(model, spec, folder / "engines")


def audit(
    *,
    harness: Quantiles = FAST,
    clock: Quantiles = FAST,
    cells: tuple[Parity, ...] = (),
    skipped: tuple[Skipped, ...] = (),
    left_out: tuple[Skipped, ...] = (),
    fresh: float = 1.0,
    twinned: Twins | None = None,
    seen: Sight | None = None,
) -> Audit:
    """A quiet machine, unless told otherwise."""
    return Audit(
        started="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:03:00+00:00",
        threads=2,
        overhead=Overhead(calls=100_000, harness=harness, clock=clock),
        parity=cells or (parity(1.0, 0.01), parity(1.002, 0.01, "another")),
        skipped=skipped,
        left_out=left_out,
        twins=twinned or twins(),
        inputs=waves(*(float(np.log(fresh)) + np.array([-0.001, 0.001, 0.0]))),
        sight=seen or sight(),
    )


def sight(
    *, flagged: int = 4, burnt: float = 0.25, quiet: tuple[str, ...] = (), steal: bool = True
) -> Sight:
    """A gate that flags so many of four rounds beside the burner."""
    names = ("load", "steal", "throttling", "swap", "GPU")
    missing = ("GPU",) if steal else ("steal", "GPU")
    return Sight(
        given=tuple(name for name in names if name not in missing),
        missing=missing,
        recorded=("pressure", "frequency"),
        quiet=(Seen(load=0.01, disturbed=quiet),) * 3,
        beside_burner=tuple(
            Seen(load=burnt, disturbed=("load",) if number < flagged else ()) for number in range(4)
        ),
        burnt=burnt,
    )
