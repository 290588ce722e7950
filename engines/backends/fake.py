"""A back end with a scripted clock: it computes nothing, and its figures are invented.

With it the harness and the reports are tested without hardware. A call moves the clock of this
process on by what the options say: a base, so much per pixel, an offset for each session (what
makes two processes differ), a slow drift that all sessions share, noise and bursts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, cast

import numpy as np

from engines.backends._failing import WAYS, Way
from engines.backends._timeline import TIMELINE
from engines.base import Array, Availability, Backend, Clock, Session
from engines.subnormals import CpuOptions
from sizewise.core.errors import BuildError, EngineMismatchError, InferenceError
from sizewise.core.progress import cancelled, report
from sizewise.core.specs import (
    Achieved,
    BuiltEngine,
    EngineSpec,
    ExportedModel,
    LayerPrecision,
    Size,
    TensorSpec,
)

Moment = Literal["build", "open", "run"]


@dataclass(frozen=True, kw_only=True)
class FakeOptions(CpuOptions):
    """How the fake engine behaves.

    ``process_sd``, ``drift`` (amplitude), ``noise`` (standard deviation) and ``burst`` are shares
    of a call's time; ``dynamic_cost`` is the time of an engine for many sizes over that of a static
    one. The first call of all, and each after one of another shape, takes ``first_cost`` times as
    long; where ``copies`` is above 0, a call has parts, and each of its two copies takes that
    share. ``build_s`` and ``call_s`` are really slept, beside the scripted clock; ``wrong`` gives
    outputs that are no numbers; at more than ``most_pixels``, a call fails. A call takes
    ``subnormal_cost`` times as long unless subnormal numbers are taken as zero.
    """

    plain_at_default: ClassVar[bool] = False

    seed: int = 0
    base_ns: float = 100_000.0
    ns_per_pixel: float = 20.0
    dynamic_cost: float = 1.1
    first_cost: float = 1.0
    copies: float = 0.0
    process_sd: float = 0.0
    drift: float = 0.0
    drift_period_s: float = 60.0
    noise: float = 0.0
    burst_probability: float = 0.0
    burst: float = 0.3
    fail_at: Moment | None = None
    fail_by: Way = "error"
    wrong: bool = False
    most_pixels: int | None = None
    build_s: float = 0.0
    call_s: float = 0.0
    subnormal_cost: float = 1.0


class Fake(Backend):
    name = "fake"
    strategies = ("static", "dynamic", "profiles")
    precisions = (
        *("fp32", "fp16", "bf16", "int8", "fp8"),
        *("int8+fp16", "int8+bf16", "fp8+fp16"),
    )
    graph_fusions: ClassVar[dict[str, str]] = {n: n for n in ("none", "basic", "extended", "all")}
    options_type = FakeOptions
    takes_streams = True
    takes_batch_ranges = True
    for_tests = True

    def version(self) -> str:
        return "1"

    def can_build(self) -> Availability:
        return Availability(True)

    def can_run(self) -> Availability:
        return Availability(True)

    def clock(self) -> Clock:
        return TIMELINE.now

    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> None:
        _take_time(_options(spec).build_s)
        _fail("build", spec, BuildError)
        (folder / "engine.txt").write_text(model.card.precision, encoding="utf-8")

    def _open(self, artifact: BuiltEngine) -> Session:
        _fail("open", artifact.spec, EngineMismatchError)
        return FakeSession(artifact)

    def _inspect(self, artifact: BuiltEngine) -> Achieved:
        precision = (artifact.files / "engine.txt").read_text(encoding="utf-8")
        return Achieved(layers=(LayerPrecision(name="0", kind="Conv", precision=precision),))


class FakeSession(Session):
    def __init__(self, artifact: BuiltEngine) -> None:
        super().__init__(artifact)
        self._options = _options(artifact.spec)
        numbers = (self._options.seed, TIMELINE.number, TIMELINE.next_session())
        self._random = np.random.default_rng(numbers)
        self._called: tuple[int, Size] | None = None
        self._offset = 1 + self._options.process_sd * self._random.standard_normal()

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        del further
        self._batch_size = int(images.shape[0])
        self._size = self.artifact.image.size_of(images.shape)

    def enqueue(self) -> None:
        _fail("run", self.artifact.spec, InferenceError)
        _demand_few_pixels(self._options, self._size)
        if self._options.call_s:
            time.sleep(self._options.call_s)
        shape = (self._batch_size, self._size)
        first = shape != self._called
        TIMELINE.advance(self._call_ns() * (self._options.first_cost if first else 1))
        self._called = shape

    def parts(self) -> dict[str, Callable[[], None]]:
        copies = self._options.copies
        if not copies:
            return {}
        shares = {"host-to-device": copies, "compute": 1 - 2 * copies, "device-to-host": copies}
        return {name: self._part(share) for name, share in shares.items()}

    def _part(self, share: float) -> Callable[[], None]:
        return lambda: TIMELINE.advance(share * self._call_ns())

    def outputs(self) -> dict[str, Array]:
        return {tensor.name: self._filled(tensor) for tensor in self.artifact.outputs}

    def _call_ns(self) -> float:
        options, spec = self._options, self.artifact.spec
        quiet = options.base_ns + options.ns_per_pixel * self._size.pixels * self._batch_size
        cost = 1.0 if spec.strategy == "static" else options.dynamic_cost
        cost *= 1.0 if options.flush_subnormals else options.subnormal_cost
        drift = 1 + options.drift * TIMELINE.drift(options.drift_period_s)
        noise = 1 + options.noise * self._random.standard_normal()
        burst = 1 + options.burst * (self._random.random() < options.burst_probability)
        return max(1.0, quiet * cost * self._offset * drift * noise * burst)

    def _filled(self, tensor: TensorSpec) -> Array:
        shape = [self._side(tensor, axis) for axis in range(len(tensor.shape))]
        dtype = np.dtype(tensor.dtype)
        if self._options.wrong and dtype.kind == "f":
            return np.full(shape, np.nan, dtype)
        return np.random.default_rng(self._options.seed).random(shape).astype(dtype)

    def _side(self, tensor: TensorSpec, axis: int) -> int:
        """The length of an axis; a free one is the input's of that name, or of that place where
        there are four, else one number per 64 pixels."""
        side, image = tensor.shape[axis], self.artifact.image
        if isinstance(side, int):
            return side
        numeric = image.shape(self._batch_size, self._size)
        known = dict(zip(image.tensor.shape, numeric, strict=True))
        by_place = numeric[axis] if axis == 0 or len(tensor.shape) == 4 else None
        return known.get(side, by_place or max(1, self._size.pixels // 64))


def _options(spec: EngineSpec) -> FakeOptions:
    return cast(FakeOptions, spec.options)  # admission has checked it


def _demand_few_pixels(options: FakeOptions, size: Size) -> None:
    if options.most_pixels is not None and size.pixels > options.most_pixels:
        why = f"its options allow {options.most_pixels} pixels"
        raise InferenceError(f"The fake engine failed at {size}", why, "Change its options.")


def _take_time(seconds: float) -> None:
    """Sleep as a long build would work: it reports its progress, and ends where it is cancelled."""
    started = time.monotonic()
    while (gone := time.monotonic() - started) < seconds:
        report(gone / seconds, "pretending to build")
        if cancelled():
            raise BuildError("The build was ended", "it was cancelled", "Build it again.")
        time.sleep(min(0.05, seconds - gone))


def _fail(
    moment: Moment,
    spec: EngineSpec,
    kind: type[BuildError | EngineMismatchError | InferenceError],
) -> None:
    options = _options(spec)
    if options.fail_at != moment:
        return
    if options.fail_by in WAYS:
        WAYS[options.fail_by]()
    raise kind(f"The fake engine failed in {moment}", "its options say so", "Change its options.")


BACKENDS = (Fake(),)
