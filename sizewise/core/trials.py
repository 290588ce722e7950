"""Trials, and the runs, results and blocks of their measurement: raw, never clipped."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from typing import Literal

from sizewise.core import codec
from sizewise.core.environment import Environment
from sizewise.core.specs import EngineSpec, Size, Strategy, TaskName

Status = Literal["ok", "unsupported", "failed", "invalid"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A trial's place in the tables, by which ``compare`` pairs the trials of two files.

    ``options`` are the back end's own that are not at their defaults, as text
    (``engines.options``).
    """

    network: str
    fusion: str
    precision: str
    backend: str
    strategy: Strategy
    graph_fusion: str
    batch_size: int
    size: Size
    options: str = ""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a trial is measured. Every engine of a size runs in ``processes`` children of its own,
    one wave after another; in each wave there are ``rounds``, and in each round one block of calls
    per engine, in random order, of at least ``block_calls`` calls and ``block_s`` seconds.
    """

    processes: int = 5
    rounds: int = 6
    block_calls: int = 5
    block_s: float = 0.1
    warmup_calls: int = 3
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One engine at one size, to be measured once (``replica`` makes it another).

    ``layout`` is how its outputs are read, which a user may say for a file that does not.
    """

    cell: Cell
    model_sha256: str
    spec: EngineSpec
    backend_version: str
    environment_fingerprint: str
    protocol: Protocol
    data_sha256: str = ""
    layout: str = ""
    replica: int = 0

    @property
    def identity(self) -> str:
        """The key that resuming goes by: equal only where everything that could change a figure is.

        A field that the first results files lack counts where it is not at its default, so that
        their trials are still the same.
        """
        cell = replace(self.cell, options=self.cell.options or codec.OMITTED)
        spec = replace(self.spec, batch_range=self.spec.batch_range or codec.OMITTED)
        text = codec.to_json(replace(self, cell=cell, spec=spec))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Block:
    """Consecutive calls of one engine in one child. ``started_ns`` is wall-clock time since the
    epoch; ``cpu_ns`` is the child's process CPU time over the block; ``load`` is the CPU time that
    *others* took meanwhile, as a share of all cores (0–1); ``clock_mhz`` 0 where unknown.
    """

    rebuild: int
    process: int
    round: int
    started_ns: int
    latency_ns: tuple[int, ...]
    cpu_ns: int
    load: float
    clock_mhz: float
    valid: bool


@dataclass(frozen=True, kw_only=True)
class ShapeChange:
    """Calls of one child at a shape that is new to it, then a return to the known size, each timed
    from bind to the end of synchronize.

    ``first_ns`` is the very first call there, ``later_ns`` are some after a warm-up there, in
    order, and ``back_ns`` is the first call at the measured shape after these.
    """

    batch_size: int
    size: Size
    first_ns: int
    later_ns: tuple[int, ...]
    back_ns: int


@dataclass(frozen=True, kw_only=True)
class FirstCall:
    """The cold start of one child.

    ``open_ns`` is the very first call, from bind to the end of synchronize, and ``change`` the
    change to another shape. That is None where the engine takes one shape only, or where
    ``change_reason`` says why.
    """

    process: int
    open_ns: int
    change: ShapeChange | None = None
    change_reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a call, run by itself again and again in one child, each time to the end of
    synchronize."""

    name: str
    process: int
    latency_ns: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Peak resident memory in bytes (VmHWM) of a child that holds one engine and nothing else.

    ``before_bytes`` is the peak before the engine was opened (interpreter and libraries).
    ``device_bytes`` is GPU memory that the child holds after the calls, CUDA's own included, as the
    driver reports it for the process, and ``device_before_bytes`` before the engine was opened;
    None where it does not tell.
    """

    peak_bytes: int
    before_bytes: int
    device_bytes: int | None = None
    device_before_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Metrics from 0 to 1; None: not measured.

    ``ap`` and ``ap50`` are COCO's for detection; ``miou``, ``f_measure`` and ``mae`` (lower is
    better) are for segmentation, see ``netzoo.tasks.masks``.
    """

    images: int
    data_sha256: str
    ap: float | None = None
    ap50: float | None = None
    miou: float | None = None
    f_measure: float | None = None
    mae: float | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measure of accuracy, 0–1. ``name`` is that of the attribute that holds it. ``ranks``:
    engines and networks are ranked by it, which holds for one metric of a task."""

    name: str
    title: str
    task: TaskName
    lower_is_better: bool = False
    ranks: bool = False


METRICS = (
    Metric(name="ap", title="AP", task="detection", ranks=True),
    Metric(name="ap50", title="AP50", task="detection"),
    Metric(name="miou", title="mIoU", task="segmentation", ranks=True),
    Metric(name="f_measure", title="F-measure", task="segmentation"),
    Metric(name="mae", title="MAE", task="segmentation", lower_is_better=True),
    Metric(name="top1", title="top-1", task="classification", ranks=True),
    Metric(name="top5", title="top-5", task="classification"),
)
"""All metrics, in the order in which they are shown."""
RECORDED_METRICS = tuple(
    metric for metric in METRICS if metric.name in {field.name for field in fields(Accuracy)}
)
"""Those that results hold: classifiers are evaluated, but not in a sweep."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """The engine as built: seconds, bytes on disk, what precision its layers really run in, and the
    device memory that it says it needs (``EngineMemory``; None where it does not say).
    """

    build_s: float
    size_bytes: int
    achieved: str
    device_predicted_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """A trial and what came of it; ``reason`` is a sentence wherever status is not ``ok``.
    ``parts`` are those of a call in order, process by process; none where calls have no parts."""

    trial: Trial
    status: Status
    reason_code: str = ""
    reason: str = ""
    memory: Memory | None = None
    accuracy: Accuracy | None = None
    build: Build | None = None
    blocks: tuple[Block, ...] = ()
    first_calls: tuple[FirstCall, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Run:
    """One call of ``bench``: where it ran and what was requested (``configuration`` is JSON)."""

    started: str
    environment: Environment
    configuration: str
    command: str
    results: tuple[Result, ...] = ()
