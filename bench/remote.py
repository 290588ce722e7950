"""A worker in a child, as its caller sees it: methods with types, values in and values out.

The methods of ``bench.worker.Worker`` stand here a second time. What crosses between the two are
plain values, so each side translates: this file and ``bench.worker`` are the only ones that do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from bench.accuracy.plan import AccuracyPlan
from bench.timing.harness import Turn
from sizewise.core import codec
from sizewise.core.children.failures import wrong_answer
from sizewise.core.specs import ModelCard, Size
from sizewise.core.trials import Accuracy, Memory, Part, Sample, ShapeChange

_WORKER = "The worker"
T = TypeVar("T")
Latencies = dict[str, tuple[int, ...]]
"""Nanoseconds of each call, by the name of the part."""


def answered(given: Any, kind: type[T], *, of: str) -> T:
    """The answer ``of`` a process as a ``kind``. Raises ChildError (``crash_protocol``) where it is
    none."""
    try:
        return codec.from_plain(given, kind)
    except msgspec.ValidationError as error:
        why = f"what it said has not the form of one ({error})"
        raise wrong_answer(of, why, "", "crash_protocol") from error


class Channel(Protocol):
    """The way to one worker: its methods by name, plain values in and out."""

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        """Raises what the method raises, and ChildError. The first call is ``__init__``."""

    @property
    def pid(self) -> int:
        """The number of the process that works."""

    def close(self) -> None: ...


class RemoteWorker:
    """One open engine in a process of its own. Every method raises what ``Worker`` raises
    (EngineError, InputError), and ChildError where the child crashes, takes longer than
    ``timeout_s`` or answers what is no answer. Call :meth:`open` first."""

    def __init__(self, channel: Channel, *, timeout_s: float) -> None:
        self._channel = channel
        self._timeout_s = timeout_s

    @property
    def pid(self) -> int:
        """The number of the worker's process."""
        return self._channel.pid

    def call(self, method: str, **arguments: Any) -> Any:
        """Call a method of the worker by name; arguments and result are plain values."""
        return self._channel.call(method, arguments, timeout_s=self._timeout_s)

    def prepare(self, engine: Path, size: Size) -> None:
        """Load what the engine in the folder ``engine`` needs, to run it at ``size``."""
        self.call("__init__", engine=str(engine), size=str(size))

    def open(self) -> int:
        """Open the engine, and give the nanoseconds that this took."""
        return answered(self.call("open"), int, of=_WORKER)

    def warm_up(self, calls: int) -> int:
        """Make ``calls`` calls, at least one, and give the nanoseconds of the first."""
        return answered(self.call("warm_up", calls=calls), int, of=_WORKER)

    def measure(self, turn: Turn) -> Sample:
        """Time one turn of consecutive calls."""
        return answered(self.call("measure", turn=codec.to_plain(turn)), Sample, of=_WORKER)

    def parts(self, repetitions: int) -> Latencies:
        """Time each part of a call on its own; empty where calls have no parts."""
        return answered(self.call("parts", repetitions=repetitions), Latencies, of=_WORKER)

    def memory(self) -> Memory | None:
        """Read the child's memory; None where the system does not tell peaks."""
        memory = self.call("memory")
        return None if memory is None else answered(memory, Memory, of=_WORKER)

    def change_shape(self, warmup_calls: int, calls: int) -> ShapeChange | None:
        """Time calls at another shape and the return; None where the engine takes one shape only.
        Read the memory before this."""
        change = self.call("change_shape", warmup_calls=warmup_calls, calls=calls)
        return None if change is None else answered(change, ShapeChange, of=_WORKER)

    def walk(self, sizes: Sequence[Size]) -> int | None:
        """Call the engine at each of ``sizes`` and then at its own, and give the resident bytes
        after that; None where the system does not tell."""
        resident_bytes = self.call("walk", sizes=[str(size) for size in sizes])
        return None if resident_bytes is None else answered(resident_bytes, int, of=_WORKER)

    def end_to_end(self, pictures: Sequence[Path], card: ModelCard) -> tuple[Part, ...]:
        """Time the way from each picture to its objects, part by part. Time no bare call after
        this: the pictures stay bound."""
        paths, plain = [str(path) for path in pictures], codec.to_plain(card)
        parts = self.call("end_to_end", pictures=paths, card=plain)
        return answered(parts, tuple[Part, ...], of=_WORKER)

    def prepare_accuracy(self, plan: AccuracyPlan, measured_as: Accuracy, card: ModelCard) -> int:
        """Open the validation data of ``plan``, and give the number of images that are taken.
        ``measured_as`` is the accuracy without figures."""
        given = self.call(
            "prepare_accuracy",
            plan=codec.to_plain(plan),
            measured_as=codec.to_plain(measured_as),
            card=codec.to_plain(card),
        )
        return answered(given, int, of=_WORKER)

    def evaluate(self, start: int, stop: int) -> None:
        """Run the images from ``start`` up to ``stop`` through the engine. Time nothing after this:
        they stay bound."""
        self.call("evaluate", start=start, stop=stop)

    def accuracy(self) -> Accuracy:
        """The accuracy over all images that :meth:`evaluate` has run."""
        return answered(self.call("accuracy"), Accuracy, of=_WORKER)

    def close(self) -> None:
        """End the child."""
        self._channel.close()
