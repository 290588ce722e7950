"""The CUDA calls of a session, through cuda-bindings: torch is not needed, and every status is
read.

Streams, events, memory and graphs are plain numbers, as TensorRT takes them.
"""

from __future__ import annotations

from typing import Any

from sizewise.core.errors import BackendUnavailableError, EngineError, InferenceError

_NO_DEVICE = ("cudaErrorInsufficientDriver", "cudaErrorNoDevice")
_NO_MEMORY = "cudaErrorMemoryAllocation"


class CudaRuntime:
    """CUDA's runtime, with errors instead of statuses.

    Every method raises InferenceError with CUDA's own name and sentence (``oom_device`` or
    ``oom_host`` where memory ran out), BackendUnavailableError where no driver or GPU is here (CUDA
    Runtime API, "Error Handling").
    """

    def __init__(self, api: Any = None) -> None:
        """Use ``api``: ``cuda.bindings.runtime`` (none: it is imported) or a stand-in for it.

        Raises BackendUnavailableError where it is not installed.
        """
        self._api = _bindings() if api is None else api

    def create_stream(self) -> int:
        """A stream that is independent of the default stream."""
        flags = self._api.cudaStreamNonBlocking
        return int(self._call(self._api.cudaStreamCreateWithFlags, flags))

    def synchronize_stream(self, stream: int) -> None:
        """Wait until all that was enqueued is done."""
        self._call(self._api.cudaStreamSynchronize, stream)

    def destroy_stream(self, stream: int) -> None:
        self._call(self._api.cudaStreamDestroy, stream)

    def create_event(self) -> int:
        """An event to wait for, not to measure with."""
        flags = self._api.cudaEventDisableTiming
        return int(self._call(self._api.cudaEventCreateWithFlags, flags))

    def record_event(self, event: int, stream: int) -> None:
        self._call(self._api.cudaEventRecord, event, stream)

    def synchronize_event(self, event: int) -> None:
        """Wait for what was enqueued before the event; not at all where it was never recorded."""
        self._call(self._api.cudaEventSynchronize, event)

    def destroy_event(self, event: int) -> None:
        self._call(self._api.cudaEventDestroy, event)

    def allocate(self, nbytes: int) -> int:
        """Allocate device memory, aligned to 256 bytes at least."""
        return int(self._call(self._api.cudaMalloc, nbytes))

    def free(self, address: int) -> None:
        self._call(self._api.cudaFree, address)

    def allocate_pinned(self, nbytes: int) -> int:
        """Allocate pinned host memory, so that copies need not be waited for."""
        flags = self._api.cudaHostAllocDefault
        return int(self._call(self._api.cudaHostAlloc, nbytes, flags, oom="oom_host"))

    def free_pinned(self, address: int) -> None:
        self._call(self._api.cudaFreeHost, address)

    def copy_to_device(self, device: int, host: int, nbytes: int, stream: int) -> None:
        kind = self._api.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call(self._api.cudaMemcpyAsync, device, host, nbytes, kind, stream)

    def copy_to_host(self, host: int, device: int, nbytes: int, stream: int) -> None:
        kind = self._api.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call(self._api.cudaMemcpyAsync, host, device, nbytes, kind, stream)

    def begin_capture(self, stream: int) -> None:
        """Record what is enqueued from now on instead of doing it. Other threads are not
        affected."""
        mode = self._api.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call(self._api.cudaStreamBeginCapture, stream, mode)

    def end_capture(self, stream: int) -> int:
        """The recorded graph, ready to be launched. The capture has ended, whatever happens."""
        template = self._call(self._api.cudaStreamEndCapture, stream)
        try:
            graph = int(self._call(self._api.cudaGraphInstantiate, template, 0))
        except EngineError:
            self._call(self._api.cudaGraphDestroy, template)
            raise
        try:
            self._call(self._api.cudaGraphDestroy, template)
        except EngineError:
            self.destroy_graph(graph)
            raise
        return graph

    def launch_graph(self, graph: int, stream: int) -> None:
        self._call(self._api.cudaGraphLaunch, graph, stream)

    def destroy_graph(self, graph: int) -> None:
        self._call(self._api.cudaGraphExecDestroy, graph)

    def _call(self, function: Any, *arguments: Any, oom: str = "oom_device") -> Any:
        status, *values = function(*arguments)
        if status != self._api.cudaError_t.cudaSuccess:
            raise self._failure(function.__name__, status, oom)
        return values[0] if values else None

    def _failure(self, function: str, status: Any, oom: str) -> EngineError:
        name, sentence = (
            ask(status)[1].decode()
            for ask in (self._api.cudaGetErrorName, self._api.cudaGetErrorString)
        )
        why = f"{function} gave {name} ({sentence})"
        if name in _NO_DEVICE:
            return _unavailable(why, "See what sizewise doctor says of the driver.")
        if name == _NO_MEMORY:
            return InferenceError(
                "CUDA ran out of memory",
                why,
                "End what else uses it, or build engines for smaller sizes or batches.",
                reason_code=oom,
            )
        return InferenceError("CUDA failed", why, "Run it again; see what sizewise doctor says.")


def _bindings() -> Any:
    try:
        from cuda.bindings import runtime
    except ImportError as error:
        todo = "pip install 'sizewise[tensorrt]', or 'sizewise[rtx]' for TensorRT for RTX."
        raise _unavailable(f"cuda-bindings can't be imported ({error})", todo) from error
    return runtime


def _unavailable(why: str, todo: str) -> BackendUnavailableError:
    return BackendUnavailableError(
        "CUDA can't be used here", why, todo, reason_code="unsupported_backend"
    )
