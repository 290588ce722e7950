"""A worker in a child, as its caller sees it: methods with types, values in and values out.

The methods of ``bench.worker.Worker`` stand here a second time. What crosses between the two are
plain values, so each side translates: this file and ``bench.worker`` are the only ones that do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from bench.harness import Turn
from sizewise.core import codec
from sizewise.core.specs import ModelCard, Size
from sizewise.core.trials import Accuracy, Block, Memory, Part, ShapeChange


class Channel(Protocol):
    """The way to one worker: its methods by name, plain values in and out."""

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
        """Raises what the method raises, and ChildError. The first call is ``__init__``."""

    def close(self) -> None: ...


class RemoteWorker:
    """One open engine in a process of its own. Every method raises what ``Worker`` raises
    (EngineError, InputError), and ChildError where the child crashes or takes longer than
    ``timeout_s``. Call :meth:`open` first."""

    def __init__(self, channel: Channel, *, timeout_s: float) -> None:
        self._channel = channel
        self._timeout_s = timeout_s

    def call(self, method: str, **arguments: Any) -> Any:
        """Call a method of the worker by name; arguments and result are plain values."""
        return self._channel.call(method, arguments, timeout_s=self._timeout_s)

    def open(self, engine: Path, size: Size) -> None:
        """Open the engine in the folder ``engine``, to run it at ``size``."""
        self.call("__init__", engine=str(engine), size=str(size))

    def warm_up(self, calls: int) -> int:
        """Make ``calls`` calls, at least one, and give the nanoseconds of the first."""
        return int(self.call("warm_up", calls=calls))

    def measure(self, turn: Turn) -> Block:
        """Time one block of consecutive calls."""
        return codec.from_plain(self.call("measure", turn=codec.to_plain(turn)), Block)

    def parts(self, process: int, repetitions: int) -> tuple[Part, ...]:
        """Time each part of a call on its own; empty where calls have no parts."""
        parts = self.call("parts", process=process, repetitions=repetitions)
        return codec.from_plain(parts, tuple[Part, ...])

    def memory(self) -> Memory | None:
        """Read the child's memory; None where the system does not tell peaks."""
        memory = self.call("memory")
        return None if memory is None else codec.from_plain(memory, Memory)

    def change_shape(self, warmup_calls: int, calls: int) -> ShapeChange | None:
        """Time calls at another shape and the return; None where the engine takes one shape only.
        Read the memory before this."""
        change = self.call("change_shape", warmup_calls=warmup_calls, calls=calls)
        return None if change is None else codec.from_plain(change, ShapeChange)

    def prepare_accuracy(self, source: str, data_sha256: str, card: ModelCard) -> int:
        """Open the validation data and give the number of its images."""
        return int(
            self.call(
                "prepare_accuracy",
                source=source,
                data_sha256=data_sha256,
                card=codec.to_plain(card),
            )
        )

    def evaluate(self, start: int, stop: int) -> None:
        """Run the images from ``start`` up to ``stop`` through the engine. Time nothing after this:
        they stay bound."""
        self.call("evaluate", start=start, stop=stop)

    def accuracy(self) -> Accuracy:
        """The accuracy over all images that :meth:`evaluate` has run."""
        return codec.from_plain(self.call("accuracy"), Accuracy)

    def close(self) -> None:
        """End the child."""
        self._channel.close()
