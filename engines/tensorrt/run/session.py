"""Calls of a TensorRT engine on a GPU: upload, compute and download on one stream, ended by an
event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np

from engines.base import Array, Session
from engines.tensorrt.log import Messages
from engines.tensorrt.options import TensorRtOptions
from engines.tensorrt.run.cleanup import Cleanup
from engines.tensorrt.run.contexts import Contexts, Execution, nearest_profile
from engines.tensorrt.run.cuda import CudaRuntime
from engines.tensorrt.run.cuda_graphs import CudaGraphs
from engines.tensorrt.run.failures import Failures
from engines.tensorrt.run.io_tensors import read_outputs
from engines.tensorrt.run.tensors import Tensors
from sizewise.core.errors import EngineMismatchError, InferenceError
from sizewise.core.specs import BuiltEngine


class TensorRtSession(Session):
    """An open TensorRT engine.

    Images, and what further inputs are given, are copied into pinned memory when they are bound,
    and from there to the device in every call: as in the other back ends on a GPU, host-to-device
    and device-to-host are part of a call.
    Bound arrays may be changed at once, without effect.
    """

    def __init__(
        self,
        artifact: BuiltEngine,
        trt: Any,
        engine: Any,
        cuda: CudaRuntime,
        messages: Messages | None = None,
    ) -> None:
        """Open ``engine``, an ICudaEngine of the module ``trt``; ``messages`` are those of its
        logger.

        Raises EngineMismatchError where it is not what ``artifact`` says, InferenceError or
        BackendUnavailableError where CUDA fails.
        """
        super().__init__(artifact)
        self._cuda, self._options = cuda, _options(artifact)
        self._bound: Execution | None = None
        self._has_outputs = self._closed = False
        outputs = read_outputs(trt, engine, artifact)
        failures = Failures(artifact.spec.backend, messages or Messages())
        with Cleanup() as cleanup:
            self._stream = cuda.create_stream()
            cleanup.callback(cuda.destroy_stream, self._stream)
            self._event = cuda.create_event()
            cleanup.callback(cuda.destroy_event, self._event)
            self._scratch_bytes = self._scratch_rule(engine)
            limit = self._options.cuda_graph_limit if self._options.cuda_graphs else 0
            self._contexts = Contexts(
                trt,
                engine,
                self._stream,
                failures,
                profiles=len(artifact.spec.profiles),
                more=limit,
            )
            self._graphs = CudaGraphs(cuda, self._stream, limit, failures)
            inputs = {artifact.image.tensor.name: np.dtype(artifact.image.tensor.dtype)}
            inputs |= {one.name: np.dtype(one.dtype) for one in artifact.further}
            self._tensors = Tensors(cuda, inputs, outputs, failures, self._addresses_leave)
            cleanup.callback(self._tensors.release)
            cleanup.callback(self._release_contexts)
            cleanup.callback(self._graphs.drop)
            # Nothing may be taken from a device that still works with it.
            cleanup.callback(cuda.synchronize_stream, self._stream)
            self._cleanup = cleanup.pop_all()

    @property
    def remarks(self) -> tuple[str, ...]:
        return (self._graphs.refusal,) if self._graphs.refusal else ()

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        if self._closed:
            raise _not_yet("it is closed", "Open the engine again.")
        self._bound, self._has_outputs = None, False
        # The images of an earlier call may still be on their way from the same memory.
        self._cuda.synchronize_stream(self._stream)
        size = self.artifact.image.size_of(images.shape)
        profile = nearest_profile(self.artifact.spec.profiles, size)
        inputs = {self.artifact.image.tensor.name: images, **further}
        execution = self._contexts.take(profile, images.shape)
        if execution.shape != images.shape:
            shapes = {name: array.shape for name, array in inputs.items()}
            self._tensors.prepare(execution, images.shape, shapes, self._scratch_bytes)
        self._tensors.set_inputs(inputs)
        self._bound = execution

    def enqueue(self) -> None:
        self._has_outputs = False
        self._upload()
        self._compute()
        self._download()
        self._cuda.record_event(self._event, self._stream)

    def parts(self) -> dict[str, Callable[[], None]]:
        parts = {
            "host-to-device": self._upload,
            "compute": self._compute,
            "device-to-host": self._download,
        }
        return {name: partial(self._alone, part) for name, part in parts.items()}

    def synchronize(self) -> None:
        self._cuda.synchronize_event(self._event)

    def outputs(self) -> dict[str, Array]:
        """Copies of the outputs, by name. Raises InferenceError where there was no call since the
        last bind."""
        if not self._has_outputs:
            raise _not_yet("no call was started on what is bound", "Call enqueue first.")
        self.synchronize()
        return self._tensors.outputs(self._demand_bound())

    def close(self) -> None:
        self._cleanup.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanup.__exit__(kind, error, trace)

    def _alone(self, part: Callable[[], None]) -> None:
        part()
        self._cuda.record_event(self._event, self._stream)

    def _upload(self) -> None:
        self._tensors.upload(self._demand_bound(), self._stream)

    def _compute(self) -> None:
        self._graphs.run(self._demand_bound())

    def _download(self) -> None:
        self._tensors.download(self._demand_bound(), self._stream)
        self._has_outputs = True

    def _demand_bound(self) -> Execution:
        if self._bound is None:
            raise _not_yet("no images are bound", "Call bind first.")
        return self._bound

    def _scratch_rule(self, engine: Any) -> Callable[[Execution], int]:
        """How many bytes the contexts share: as many as the largest size of all profiles needs,
        reserved once, or as many as each shape needs."""
        if self._options.context_memory == "shape":
            return lambda one: int(one.context.update_device_memory_size_for_shapes())
        profiles = range(len(self.artifact.spec.profiles))
        largest = max(engine.get_device_memory_size_for_profile_v2(i) for i in profiles)
        return lambda _: int(largest)

    def _addresses_leave(self) -> None:
        self._contexts.forget()
        self._graphs.drop()

    def _release_contexts(self) -> None:
        self._bound, self._closed = None, True
        self._contexts.release()


def _options(artifact: BuiltEngine) -> TensorRtOptions:
    options = artifact.spec.options
    if not isinstance(options, TensorRtOptions):
        raise EngineMismatchError(
            f"The engine {artifact.path} can't be used",
            f"its options are {type(options).__name__}, not TensorRT's",
            "Build it again with sizewise build.",
        )
    return options


def _not_yet(why: str, todo: str) -> InferenceError:
    return InferenceError("The session has no outputs yet", why, todo)
