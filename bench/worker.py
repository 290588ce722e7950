"""The object that lives in a child: one open engine, measured on request.

All arguments and results are plain values, because they cross a process boundary as JSON:
``bench.remote`` is the other side, with types. pydantic, scipy and the data sets are not imported
before they are needed: what this process holds beside the engine counts as memory.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.accuracy.plan import AccuracyPlan
from bench.timing import readings
from bench.timing.apart import another_shape, measure_parts, time_call
from bench.timing.harness import Turn, measure_turn, warm_up
from engines.base import Array, example_inputs
from engines.inputs import check_size
from engines.registry import find_backend
from engines.store.opening import open_engine
from engines.store.trust import read_trusted
from sizewise.core import codec
from sizewise.core.errors import InputError
from sizewise.core.specs import ModelCard, Size
from sizewise.core.trials import Accuracy, Memory, ShapeChange


class Worker:
    """One open engine and random noise of one size. Its methods raise what opening and calls raise:
    EngineError, InputError."""

    def __init__(self, engine: str, size: str) -> None:
        artifact = read_trusted(Path(engine))
        self._size = Size.parse(size)
        check_size(artifact, self._size)
        self._artifact = artifact
        backend = find_backend(artifact.spec.backend)
        backend.load_library()
        self._clock = backend.clock()
        self._inputs = example_inputs(artifact, artifact.spec.batch_size, self._size)
        self._device_before_bytes = readings.device_bytes()
        self._before_bytes = readings.peak_bytes()
        self._open = ExitStack()

    def open(self) -> int:
        """Open the engine, and give the nanoseconds from its files to a session. Its libraries are
        loaded before."""
        begin = time.perf_counter_ns()
        self._session = self._open.enter_context(open_engine(self._artifact))
        took_ns = time.perf_counter_ns() - begin
        self._open_peak_bytes = readings.peak_bytes()
        self._own_peak = readings.reset_peak()
        return took_ns

    def warm_up(self, calls: int) -> int:
        """Make ``calls`` calls, at least one. Gives the cold start: the nanoseconds of the first,
        from bind to the end of synchronize."""
        first_ns = self._time(self._inputs)
        warm_up(self._session, calls - 1)
        return first_ns

    def measure(self, turn: dict[str, Any]) -> Any:
        """Time a turn: a plain Sample; ``turn`` is a plain Turn."""
        return codec.to_plain(
            measure_turn(self._session, self._clock, codec.from_plain(turn, Turn))
        )

    def parts(self, repetitions: int) -> dict[str, list[int]]:
        """Time the parts of a call (H2D, compute, D2H): nanoseconds by name."""
        return measure_parts(self._session, self._clock, repetitions=repetitions)

    def memory(self) -> Any:
        """Read this process's memory after calls at one size: a plain Memory, or None where the
        system reports no peaks."""
        if self._open_peak_bytes is None or self._before_bytes is None:
            return None
        run_peak_bytes = readings.peak_bytes()
        device_bytes = readings.device_bytes()
        # A process that NVML lists by now had none when it was not listed yet.
        before = None if device_bytes is None else self._device_before_bytes or 0
        return codec.to_plain(
            Memory(
                peak_bytes=self._open_peak_bytes if self._own_peak else run_peak_bytes or 0,
                before_bytes=self._before_bytes,
                run_peak_bytes=run_peak_bytes if self._own_peak else None,
                rest_bytes=readings.resident_bytes(),
                device_bytes=device_bytes,
                device_before_bytes=before,
            )
        )

    def change_shape(self, warmup_calls: int, calls: int) -> Any:
        """Time the cold start at another shape, ``calls`` calls there after a warm-up, and the
        return to the known size: a plain ShapeChange, or None where the engine takes one shape
        only. After this, memory is no longer that of the one size."""
        artifact = self._session.artifact
        other = another_shape(artifact.spec, self._size)
        if other is None:
            return None
        images = example_inputs(artifact, *other)
        first_ns = self._time(images)
        warm_up(self._session, warmup_calls - 1)
        later_ns = tuple(self._time(images) for _ in range(calls))
        back_ns = self._time(self._inputs)
        batch_size, size = other
        return codec.to_plain(
            ShapeChange(
                batch_size=batch_size,
                size=size,
                first_ns=first_ns,
                later_ns=later_ns,
                back_ns=back_ns,
            )
        )

    def walk(self, sizes: list[str]) -> int | None:
        """Make a call at each of ``sizes``, and one at the measured size; give the resident bytes
        after that, None where the system does not tell: some runtimes keep memory for each size
        they met."""
        for size in map(Size.parse, sizes):
            self._time(example_inputs(self._artifact, self._artifact.spec.batch_size, size))
        self._time(self._inputs)
        return readings.resident_bytes()

    def end_to_end(self, pictures: list[str], card: dict[str, Any]) -> Any:
        """Time the way from each picture to its objects: a plain Part for each part of it. The
        pictures stay bound: time no bare call after this. ``card`` is plain."""
        from bench.timing.end_to_end import time_pictures

        paths, read_as = [Path(picture) for picture in pictures], codec.from_plain(card, ModelCard)
        parts = time_pictures(self._session, self._clock, read_as, self._size, paths, wave=0)
        return codec.to_plain(parts)

    def prepare_accuracy(
        self, plan: dict[str, Any], measured_as: dict[str, Any], card: dict[str, Any]
    ) -> int:
        """Open the validation data, and give the number of images that are taken. All are plain:
        an AccuracyPlan, the Accuracy without figures that it leads to, and a ModelCard."""
        from bench.accuracy.engine import find_evaluator
        from netzoo.data.choosing import chosen

        asked, read_as = codec.from_plain(plan, AccuracyPlan), codec.from_plain(card, ModelCard)
        self._measured_as = codec.from_plain(measured_as, Accuracy)
        data = chosen(asked.open(read_as), asked.images)
        if data.sha256 != self._measured_as.data_sha256:
            raise InputError(
                f"The data set {asked.data} can't be used",
                "its files changed during the sweep",
                "Run the same command again.",
            )
        self._data = data
        self._evaluator = find_evaluator(read_as, data, self._measured_as.suppression)
        return len(data.images)

    def evaluate(self, start: int, stop: int) -> None:
        """Run the images from ``start`` up to ``stop`` through the engine. They stay bound: time
        nothing after this."""
        from bench.accuracy.engine import evaluate_images

        images = self._data.images[start:stop]
        evaluate_images(self._session, self._size, images, self._evaluator)

    def accuracy(self) -> Any:
        """The accuracy over all images that were run: a plain Accuracy."""
        from bench.accuracy.engine import accuracy_of

        return codec.to_plain(accuracy_of(self._evaluator, self._data, self._measured_as))

    def close(self) -> None:
        """Close the engine."""
        self._open.close()

    def _time(self, inputs: Mapping[str, Array]) -> int:
        return time_call(self._session, self._clock, inputs)
