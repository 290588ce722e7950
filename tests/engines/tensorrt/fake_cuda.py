"""CUDA without a GPU: ``FakeCuda`` stands in for the module ``cuda.bindings.runtime``.

What is enqueued is done when it is waited for, as late as CUDA may, so that a wait too few shows.
MisuseError is an AssertionError and no status: CUDA could do anything then. The public names of
``FakeCuda`` and of its enumerations are CUDA's own; what is its tests' stands in ``Device``.
"""

# ruff: noqa: N801, N802, N803, N815 - the names are CUDA's own

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Work = Callable[[], None]
Bytes = NDArray[np.uint8]
_POISON = 0xA5
Function = Callable[..., tuple[Any, ...]]


class MisuseError(AssertionError):
    """What a session must never do."""


class Device:
    """What stands behind a ``FakeCuda``: everything that lives, ``log`` of what was asked of it, in
    order, and ``done`` of what streams did.

    ``fail_at`` is the number of the operation (of CUDA or TensorRT, from 0) that fails, ``status``
    what CUDA's then gives; ``fail_from`` makes all of CUDA's fail from there on.
    """

    def __init__(self, fail_at: int | None = None, status: str = "cudaErrorUnknown") -> None:
        self.fail_at, self.status = fail_at, status
        self.fail_from: int | None = None
        self.log: list[str] = []
        self.done: list[str] = []
        self.memory: dict[int, Bytes] = {}
        self.kinds: dict[int, str] = {}
        self.live: dict[int, str] = {}
        self.queues: dict[int, list[Work]] = {}
        self.capturing: dict[int, list[Work]] = {}
        self.graphs: dict[int, list[Work]] = {}
        self.misuses: list[str] = []
        self.peak_bytes = 0
        self._numbers = itertools.count(0x1000, 0x100)
        self._keep: list[Bytes] = []

    def happens(self, name: str) -> bool:
        """Whether the operation ``name``, which begins now, is to succeed."""
        number = len(self.log)
        self.log.append(name)
        lost = self.fail_from is not None and number >= self.fail_from and name.startswith("cuda")
        return number != self.fail_at and not lost

    def made(self, kind: str) -> int:
        handle = next(self._numbers)
        self.live[handle] = kind
        return handle

    def gone(self, handle: int, kind: str) -> None:
        if self.live.get(handle) != kind:
            raise MisuseError(f"{handle:#x} is no {kind} (any more)")
        del self.live[handle]

    def allocate(self, nbytes: int, kind: str) -> int:
        if self.capturing:
            raise MisuseError("memory is asked for during a capture")
        block = np.full(nbytes, _POISON, dtype=np.uint8)
        # The host writes into pinned memory itself, so its address is a true one.
        address = block.ctypes.data if kind == "pinned" else next(self._numbers) << 8
        self.memory[address], self.live[address] = block, kind
        self.peak_bytes = max(self.peak_bytes, self.used("device"))
        return address

    def free(self, address: int, kind: str) -> None:
        """Waits for all work, as CUDA does."""
        self.gone(address, kind)
        for stream in self.queues:
            self.drain(stream)
        block = self.memory.pop(address)
        block[...] = _POISON
        self._keep.append(block)

    def used(self, kind: str) -> int:
        return sum(len(b) for a, b in self.memory.items() if self.live[a] == kind)

    def bytes_at(self, address: int, nbytes: int, kind: str = "device") -> Bytes:
        block = self.memory.get(address)
        if block is None or self.live[address] != kind:
            raise MisuseError(f"{address:#x} is no memory of the {kind}")
        if nbytes > len(block):
            raise MisuseError(f"{nbytes} bytes are more than the {len(block)} at {address:#x}")
        return block[:nbytes]

    def enqueue(self, stream: int, work: Work) -> None:
        if stream in self.capturing:
            self.capturing[stream].append(work)
        else:
            self.queue(stream).append(work)

    def queue(self, stream: int) -> list[Work]:
        if self.live.get(stream) != "stream":
            raise MisuseError(f"{stream:#x} is no stream (any more)")
        return self.queues[stream]

    def drain(self, stream: int) -> None:
        if stream in self.capturing:
            raise MisuseError("a stream is waited for during its capture")
        queue = self.queue(stream)
        while queue:
            queue.pop(0)()

    def count(self, name: str) -> int:
        return Counter(self.log)[name]

    def demand_clean(self) -> None:
        assert not self.live, f"left over: {self.live}"
        assert not self.misuses, self.misuses


def _operation(values: int = 0, *, ends: bool = False) -> Callable[[Function], Function]:
    """A function that gives a status and ``values`` more. One that ``ends`` something does so even
    where it fails: what it was given must not be used again. Where one fails for which there is a
    ``_lost_…``, that is done instead."""

    def wrap(function: Function) -> Function:
        @functools.wraps(function)
        def call(self: FakeCuda, *arguments: Any) -> tuple[Any, ...]:
            if self._device.happens(function.__name__):
                return (self.cudaError_t.cudaSuccess, *function(self, *arguments))
            if ends:
                function(self, *arguments)
            getattr(self, f"_lost_{function.__name__}", lambda *_: None)(*arguments)
            return (self.cudaError_t[self._device.status], *[None] * values)

        return call

    return wrap


class FakeCuda:
    class cudaError_t(IntEnum):
        cudaSuccess = 0
        cudaErrorMemoryAllocation = 2
        cudaErrorInsufficientDriver = 35
        cudaErrorNoDevice = 100
        cudaErrorIllegalAddress = 700
        cudaErrorUnknown = 999

    class cudaMemcpyKind(IntEnum):
        cudaMemcpyHostToDevice = 1
        cudaMemcpyDeviceToHost = 2

    class cudaStreamCaptureMode(IntEnum):
        cudaStreamCaptureModeThreadLocal = 1

    cudaStreamNonBlocking = 1
    cudaEventDisableTiming = 2
    cudaHostAllocDefault = 0

    def __init__(self, device: Device) -> None:
        self._device = device
        self._marks: dict[int, tuple[int, Work]] = {}

    def cudaGetErrorName(self, error: cudaError_t) -> tuple[cudaError_t, bytes]:
        return self.cudaError_t.cudaSuccess, error.name.encode()

    def cudaGetErrorString(self, error: cudaError_t) -> tuple[cudaError_t, bytes]:
        return self.cudaError_t.cudaSuccess, b"said CUDA"

    @_operation(1)
    def cudaStreamCreateWithFlags(self, flags: int) -> tuple[int]:
        if flags != self.cudaStreamNonBlocking:
            raise MisuseError("the stream waits for the default stream")
        stream = self._device.made("stream")
        self._device.queues[stream] = []
        return (stream,)

    @_operation()
    def cudaStreamSynchronize(self, stream: int) -> tuple[()]:
        self._device.drain(stream)
        return ()

    @_operation(ends=True)
    def cudaStreamDestroy(self, stream: int) -> tuple[()]:
        self._device.gone(stream, "stream")
        if self._device.queues.pop(stream):
            raise MisuseError("a stream is destroyed with work in it")
        return ()

    @_operation(1)
    def cudaEventCreateWithFlags(self, flags: int) -> tuple[int]:
        return (self._device.made("event"),)

    @_operation()
    def cudaEventRecord(self, event: int, stream: int) -> tuple[()]:
        if self._device.live.get(event) != "event":
            raise MisuseError("an event is recorded that is none (any more)")

        def mark() -> None:
            return None

        self._marks[event] = (stream, mark)
        self._device.enqueue(stream, mark)
        return ()

    @_operation()
    def cudaEventSynchronize(self, event: int) -> tuple[()]:
        stream, mark = self._marks.get(event, (0, None))
        queue = self._device.queue(stream) if mark else []
        while mark in queue:
            queue.pop(0)()
        return ()

    @_operation(ends=True)
    def cudaEventDestroy(self, event: int) -> tuple[()]:
        self._device.gone(event, "event")
        return ()

    @_operation(1)
    def cudaMalloc(self, size: int) -> tuple[int]:
        return (self._device.allocate(size, "device"),)

    @_operation(ends=True)
    def cudaFree(self, devPtr: int) -> tuple[()]:
        self._device.free(devPtr, "device")
        return ()

    @_operation(1)
    def cudaHostAlloc(self, size: int, flags: int) -> tuple[int]:
        return (self._device.allocate(size, "pinned"),)

    @_operation(ends=True)
    def cudaFreeHost(self, ptr: int) -> tuple[()]:
        self._device.free(ptr, "pinned")
        return ()

    @_operation()
    def cudaMemcpyAsync(
        self, dst: int, src: int, count: int, kind: cudaMemcpyKind, stream: int
    ) -> tuple[()]:
        up = kind == self.cudaMemcpyKind.cudaMemcpyHostToDevice
        places = ("device", "pinned") if up else ("pinned", "device")

        def copy() -> None:
            target = self._device.bytes_at(dst, count, places[0])
            target[...] = self._device.bytes_at(src, count, places[1])
            self._device.done.append("upload" if up else "download")

        self._device.bytes_at(dst, count, places[0])
        self._device.bytes_at(src, count, places[1])
        self._device.enqueue(stream, copy)
        return ()

    @_operation()
    def cudaStreamBeginCapture(self, stream: int, mode: cudaStreamCaptureMode) -> tuple[()]:
        self._device.queue(stream)
        self._device.capturing[stream] = []
        return ()

    @_operation(1)
    def cudaStreamEndCapture(self, stream: int) -> tuple[int]:
        work = self._device.capturing.pop(stream)
        template = self._device.made("template")
        self._device.graphs[template] = work
        return (template,)

    def _lost_cudaStreamEndCapture(self, stream: int) -> None:
        del self._device.capturing[stream]

    @_operation(1)
    def cudaGraphInstantiate(self, graph: int, flags: int) -> tuple[int]:
        executable = self._device.made("graph")
        self._device.graphs[executable] = self._device.graphs[graph]
        return (executable,)

    @_operation(ends=True)
    def cudaGraphDestroy(self, graph: int) -> tuple[()]:
        self._device.gone(graph, "template")
        del self._device.graphs[graph]
        return ()

    @_operation(ends=True)
    def cudaGraphExecDestroy(self, graphExec: int) -> tuple[()]:
        self._device.gone(graphExec, "graph")
        del self._device.graphs[graphExec]
        return ()

    @_operation()
    def cudaGraphLaunch(self, graphExec: int, stream: int) -> tuple[()]:
        if self._device.live.get(graphExec) != "graph":
            raise MisuseError("a graph is launched that is none (any more)")
        for work in self._device.graphs[graphExec]:
            self._device.enqueue(stream, work)
        return ()

    def _lost_cudaStreamSynchronize(self, stream: int) -> None:
        self._device.queue(stream).clear()

    def _lost_cudaEventSynchronize(self, event: int) -> None:
        if event in self._marks:
            self._device.queue(self._marks[event][0]).clear()
